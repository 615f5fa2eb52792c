//! A candidate in the election.
//!
//! ```text
//! Connecting ──joined──► Standby ──lowest──► Leading ◄──reconnected, still lowest──┐
//!     ▲                     │                  │ └──────disconnected──► Suspended ─┘
//!     └────── session ended ┘                  └──── node gone, session ended ────► Lost (final)
//! ```
//! `Suspended` is the point: ZooKeeper may give the leadership away as soon as our session times out there, and we
//! would learn of it late. So a leader must not act from the moment it is disconnected until it has read its node again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::{Client, CreateMode, SessionState};

use crate::election::{LABEL, Position, position_of};
use crate::session::{acls, backoff, bounded, open};
use crate::{Address, Error, MasterInfo};

/// The state of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidacy {
    /// Not registered: no session yet, or the last one ended.
    Connecting {
        /// The last problem, if there was one.
        problem: Option<String>,
    },
    /// Registered, with another candidate before it.
    Standby {
        /// Name of our node.
        node: String,
    },
    /// Leading.
    Leading {
        /// Name of our node.
        node: String,
    },
    /// Was leading and is cut off from ZooKeeper, so it must not act.
    Suspended {
        /// What has cut it off.
        reason: String,
    },
    /// Was leading and no longer is. This is final: the process should end, as Mesos' does.
    Lost {
        /// Why it no longer leads.
        reason: String,
    },
}

impl Candidacy {
    /// Whether the process may act as the leader now.
    pub fn is_leading(&self) -> bool {
        matches!(self, Self::Leading { .. })
    }
}

/// Keeps one candidate registered until it is dropped or leaves.
pub struct Contender {
    state: watch::Receiver<Candidacy>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Contender {
    /// Starts contending in the background; retries until it is registered.
    pub fn start(address: Address, master: MasterInfo, session_timeout: Duration) -> Self {
        let (sender, state) = watch::channel(Candidacy::Connecting { problem: None });
        let (stop, stopped) = watch::channel(false);
        let run = Run {
            address,
            master,
            session_timeout,
            state: sender,
        };
        let task = tokio::spawn(async move { run.until(stopped).await });
        Self { state, stop, task }
    }

    /// The present state and every change of it.
    pub fn watch(&self) -> watch::Receiver<Candidacy> {
        self.state.clone()
    }

    /// Removes the candidate's node and ends the session, so that the next master takes over at once.
    pub async fn leave(mut self) {
        self.stop.send_replace(true);
        // Ends within the limit of a call, since the removal of the node is one.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Run {
    address: Address,
    master: MasterInfo,
    session_timeout: Duration,
    state: watch::Sender<Candidacy>,
}

impl Run {
    async fn until(&self, mut stopped: watch::Receiver<bool>) {
        let mut attempt = 0;
        loop {
            let Err(error) = self.one_session(&mut attempt, stopped.clone()).await else {
                return;
            };
            if self.has_led() {
                tracing::error!(reason = error.reason(), "lost leadership: {error}");
                self.publish(Candidacy::Lost {
                    reason: error.to_string(),
                });
                return;
            }
            tracing::warn!(reason = error.reason(), "not in the election: {error}");
            self.publish(Candidacy::Connecting {
                problem: Some(error.to_string()),
            });
            tokio::select! {
                () = tokio::time::sleep(backoff(attempt)) => {}
                () = asked(&mut stopped) => return,
            }
            attempt += 1;
        }
    }

    fn publish(&self, next: Candidacy) {
        self.state.send_if_modified(|now| {
            let changed = *now != next;
            *now = next;
            changed
        });
    }

    fn has_led(&self) -> bool {
        matches!(
            *self.state.borrow(),
            Candidacy::Leading { .. } | Candidacy::Suspended { .. }
        )
    }

    /// Registers and follows the election; `Ok` when asked to leave.
    async fn one_session(&self, attempt: &mut u32, mut stopped: watch::Receiver<bool>) -> Result<(), Error> {
        let registered = tokio::select! {
            registered = self.register() => registered,
            () = asked(&mut stopped) => return Ok(()),
        };
        let (client, node) = registered?;
        *attempt = 0;
        let path = self.address.child(&node);
        let mut states = client.state_watcher();
        loop {
            let followed = tokio::select! {
                followed = self.follow(&client, &node) => followed,
                state = states.changed() => Err(Error::SessionEnded { state: state.to_string() }),
                () = asked(&mut stopped) => {
                    let left = bounded(&format!("delete {path}"), client.delete(&path, None)).await;
                    if let Err(error) = left {
                        tracing::warn!("the candidate's node stays until the session times out: {error}");
                    }
                    return Ok(());
                }
            };
            match followed {
                Ok(()) => continue,
                Err(gone @ Error::CandidateGone { .. }) => return Err(gone),
                Err(error) if client.state().is_terminated() => return Err(error),
                Err(error) => self.disconnected(&error),
            }
            // Nothing can be asked until the session is connected again or over.
            while client.state() == SessionState::Disconnected {
                tokio::select! {
                    _ = states.changed() => {}
                    () = asked(&mut stopped) => return Ok(()),
                }
            }
            if client.state().is_terminated() {
                return Err(Error::SessionEnded {
                    state: client.state().to_string(),
                });
            }
        }
    }

    fn disconnected(&self, error: &Error) {
        if self.has_led() {
            tracing::warn!("leading is suspended: {error}");
            self.publish(Candidacy::Suspended {
                reason: error.to_string(),
            });
        } else if !matches!(error, Error::SessionEnded { .. }) {
            tracing::warn!("standing by, ZooKeeper is silent: {error}");
        }
    }

    async fn register(&self) -> Result<(Client, String), Error> {
        let client = open(&self.address, self.session_timeout).await?;
        let node = self.join(&client).await?;
        Ok((client, node))
    }

    /// Creates the election path and our node in it; returns the node's name.
    async fn join(&self, client: &Client) -> Result<String, Error> {
        let acls = acls(&self.address);
        if self.address.path != "/" {
            let options = CreateMode::Persistent.with_acls(acls);
            bounded(
                &format!("create {}", self.address.path),
                client.mkdir(&self.address.path, &options),
            )
            .await?;
        }
        let prefix = self.address.child(LABEL);
        let content = serde_json::to_vec(&self.master).map_err(|cause| Error::ParseMasterInfo {
            path: prefix.clone(),
            cause: cause.to_string(),
        })?;
        let options = CreateMode::EphemeralSequential.with_acls(acls);
        let (_, sequence) = bounded(
            &format!("create {prefix}"),
            client.create(&prefix, &content, &options),
        )
        .await?;
        tracing::info!(zk = %self.address, "candidate {LABEL}{sequence} registered");
        Ok(format!("{LABEL}{sequence}"))
    }

    /// Reads the candidates once, publishes this candidate's state, and waits for the next change.
    async fn follow(&self, client: &Client, node: &str) -> Result<(), Error> {
        let path = &self.address.path;
        let call = format!("list {path}");
        let (children, watcher) = bounded(&call, client.list_and_watch_children(path)).await?;
        match position_of(&children, node) {
            Position::First => self.publish(Candidacy::Leading {
                node: node.to_owned(),
            }),
            Position::Behind(leader) => {
                if self.has_led() {
                    return Err(Error::CandidateGone {
                        path: format!("{path}/{node}, {leader} leads"),
                    });
                }
                self.publish(Candidacy::Standby {
                    node: node.to_owned(),
                });
            }
            Position::Absent => {
                return Err(Error::CandidateGone {
                    path: self.address.child(node),
                });
            }
        }
        let event = watcher.changed().await;
        if event.session_state.is_terminated() {
            return Err(Error::SessionEnded {
                state: event.session_state.to_string(),
            });
        }
        Ok(())
    }
}

/// Resolves when the candidate is asked to leave.
async fn asked(stopped: &mut watch::Receiver<bool>) {
    // The guard must not live across an await of the caller. If the sender is gone, nobody waits for this task.
    let _ = stopped.wait_for(|stop| *stop).await.map(|_| ());
}
