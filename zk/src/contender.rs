//! A master in the election.
//!
//! A master that may not lead takes part as well, as [`Entry::Standby`]: its node shows that it is there, and nobody takes
//! it for the leader or waits for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::{Client, CreateMode, SessionState};

use crate::candidacy::{Candidacy, Seen};
use crate::election::{LABEL, Position, STANDBY, leader_of, position_of};
use crate::lease::{self, Lease, Moment};
use crate::session::{acls, backoff, bounded, open};
use crate::{Address, Error, MasterInfo};

/// How a master takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// In the order of candidates.
    Candidate,
    /// As a master that is there and may not lead.
    Standby,
}

/// Keeps one master registered until it is dropped or leaves.
pub struct Contender {
    state: watch::Sender<Candidacy>,
    lease: Lease,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Contender {
    /// Starts to take part in the background; retries until it is registered.
    pub fn start(address: Address, master: MasterInfo, session_timeout: Duration, entry: Entry) -> Self {
        let state = watch::Sender::new(Candidacy::Connecting { problem: None });
        let lease = Lease::default();
        let (stop, stopped) = watch::channel(false);
        let run = Run {
            address,
            master,
            session_timeout,
            entry,
            state: state.clone(),
            lease: lease.clone(),
        };
        let task = tokio::spawn(async move { run.until(stopped).await });
        Self {
            state,
            lease,
            stop,
            task,
        }
    }

    /// The present state and every change of it.
    pub fn watch(&self) -> watch::Receiver<Candidacy> {
        self.state.subscribe()
    }

    /// What a leader has to look at before everything that it does.
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Begins to lead. `false` if it is not first at this moment; then nothing has changed.
    pub fn claim(&self) -> bool {
        self.state.send_if_modified(|now| match now {
            Candidacy::First { node } => {
                *now = Candidacy::Leading {
                    node: std::mem::take(node),
                };
                true
            }
            Candidacy::Connecting { .. }
            | Candidacy::Standby { .. }
            | Candidacy::Leading { .. }
            | Candidacy::Suspended { .. }
            | Candidacy::Lost { .. } => false,
        })
    }

    /// Removes our node and ends the session, so that the next master takes over at once.
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
    entry: Entry,
    state: watch::Sender<Candidacy>,
    lease: Lease,
}

impl Run {
    async fn until(&self, mut stopped: watch::Receiver<bool>) {
        let mut attempt = 0;
        loop {
            let Err(error) = self.one_session(&mut attempt, stopped.clone()).await else {
                return;
            };
            let now = self.see(Seen::Gone {
                reason: error.to_string(),
            });
            if let Candidacy::Lost { reason } = now {
                tracing::error!("lost leadership: {reason}");
                return;
            }
            tracing::warn!(reason = error.reason(), "not in the election: {error}");
            tokio::select! {
                () = tokio::time::sleep(backoff(attempt)) => {}
                () = asked(&mut stopped) => return,
            }
            attempt += 1;
        }
    }

    /// Publishes what a look has shown, and returns the state after it.
    fn see(&self, seen: Seen) -> Candidacy {
        if !matches!(seen, Seen::First { .. }) {
            self.lease.end();
        }
        let mut after = None;
        self.state.send_if_modified(|now| {
            let next = now.after(seen);
            let changed = *now != next;
            after = Some(next.clone());
            *now = next;
            changed
        });
        after.unwrap_or(Candidacy::Connecting { problem: None })
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
        // Whoever never led and only lost its connection has nothing to say about that yet.
        let idle = matches!(&*self.state.borrow(), Candidacy::Standby { .. });
        if idle && matches!(error, Error::SessionEnded { .. }) {
            return;
        }
        tracing::warn!("ZooKeeper is silent: {error}");
        self.see(Seen::Silence {
            reason: error.to_string(),
        });
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
        let content = serde_json::to_vec(&self.master).map_err(|cause| Error::ParseMasterInfo {
            path: self.address.path.clone(),
            cause: cause.to_string(),
        })?;
        match self.entry {
            Entry::Candidate => {
                let prefix = self.address.child(LABEL);
                let options = CreateMode::EphemeralSequential.with_acls(acls);
                let create = client.create(&prefix, &content, &options);
                let (_, sequence) = bounded(&format!("create {prefix}"), create).await?;
                tracing::info!(zk = %self.address, "candidate {LABEL}{sequence} registered");
                Ok(format!("{LABEL}{sequence}"))
            }
            Entry::Standby => {
                let node = format!("{STANDBY}{}", self.master.id);
                let path = self.address.child(&node);
                // One of our own earlier sessions may not be over on the servers.
                let delete = async {
                    match client.delete(&path, None).await {
                        Err(zookeeper_client::Error::NoNode) => Ok(()),
                        other => other,
                    }
                };
                bounded(&format!("delete {path}"), delete).await?;
                let options = CreateMode::Ephemeral.with_acls(acls);
                bounded(
                    &format!("create {path}"),
                    client.create(&path, &content, &options),
                )
                .await?;
                tracing::info!(zk = %self.address, "{node} registered: takes part, and may not lead");
                Ok(node)
            }
        }
    }

    /// Reads the candidates once, publishes this one's state, and waits for the next change.
    async fn follow(&self, client: &Client, node: &str) -> Result<(), Error> {
        let path = &self.address.path;
        let call = format!("list {path}");
        let (children, watcher) = bounded(&call, client.list_and_watch_children(path)).await?;
        let place = position_of(&children, node);
        if place == Position::Absent {
            return Err(Error::CandidateGone {
                path: self.address.child(node),
            });
        }
        let first = place == Position::First && self.entry == Entry::Candidate;
        let node = node.to_owned();
        let seen = if first {
            self.renew(client).await?;
            Seen::First { node }
        } else {
            let leader = leader_of(&children).map(str::to_owned);
            Seen::Behind { node, leader }
        };
        if let Candidacy::Lost { reason } = self.see(seen) {
            return Err(Error::CandidateGone {
                path: format!("{path}: {reason}"),
            });
        }
        let changed = watcher.changed();
        tokio::pin!(changed);
        loop {
            tokio::select! {
                event = &mut changed => match event.session_state {
                    state if state.is_terminated() => return Err(Error::SessionEnded { state: state.to_string() }),
                    _ => return Ok(()),
                },
                () = tokio::time::sleep(lease::renewal(client.session_timeout())), if first => {
                    self.renew(client).await?;
                }
            }
        }
    }

    /// Lets the ensemble's leader answer: whatever it counts from, our session lives until the lease is over.
    async fn renew(&self, client: &Client) -> Result<(), Error> {
        let path = &self.address.path;
        let asked = Moment::now();
        bounded(&format!("sync {path}"), client.sync(path)).await?;
        self.lease.renew(asked, client.session_timeout());
        Ok(())
    }
}

/// Resolves when the candidate is asked to leave.
async fn asked(stopped: &mut watch::Receiver<bool>) {
    // The guard must not live across an await of the caller. If the sender is gone, nobody waits for this task.
    let _ = stopped.wait_for(|stop| *stop).await.map(|_| ());
}
