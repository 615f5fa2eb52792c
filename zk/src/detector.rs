//! Follows the leading master.
//!
//! While disconnected the last known leader is kept for one session timeout (a restarting ZooKeeper server is no
//! reason to leave a healthy master), then it is forgotten, as Mesos' detector does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zookeeper_client::{Client, EventType, SessionState};

use crate::election::leader_of;
use crate::session::{backoff, bounded, open};
use crate::{Address, Error, MasterInfo};

/// Watches the election until dropped.
pub struct Detector {
    leader: watch::Receiver<Option<Arc<MasterInfo>>>,
    problem: watch::Receiver<Option<Error>>,
    task: JoinHandle<()>,
}

impl Detector {
    /// Starts watching in the background; retries for ever.
    pub fn start(address: Address, session_timeout: Duration) -> Self {
        let (leader_sender, leader) = watch::channel(None);
        let (problem_sender, problem) = watch::channel(None);
        let run = Run {
            address,
            session_timeout,
            leader: leader_sender,
            problem: problem_sender,
        };
        let task = tokio::spawn(async move { run.forever().await });
        Self {
            leader,
            problem,
            task,
        }
    }

    /// The leader now, `None` if there is none or it is not known.
    pub fn leader(&self) -> Option<Arc<MasterInfo>> {
        self.leader.borrow().clone()
    }

    /// The leader and its changes. Changes of other candidates are not reported.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<MasterInfo>>> {
        self.leader.clone()
    }

    /// Waits for the next change of the leader.
    pub async fn changed(&mut self) -> Option<Arc<MasterInfo>> {
        // The sender lives as long as the task, and the task as long as self.
        let _ = self.leader.changed().await;
        self.leader.borrow_and_update().clone()
    }

    /// Why the leader may be unknown or stale; `None` while connected.
    pub fn problem(&self) -> Option<Error> {
        self.problem.borrow().clone()
    }
}

impl Drop for Detector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Run {
    address: Address,
    session_timeout: Duration,
    leader: watch::Sender<Option<Arc<MasterInfo>>>,
    problem: watch::Sender<Option<Error>>,
}

impl Run {
    async fn forever(&self) {
        let mut attempt = 0;
        let mut healthy = Instant::now();
        loop {
            let Err(error) = self.one_session(&mut attempt, &mut healthy).await;
            tracing::warn!(reason = error.reason(), "no view of the leading master: {error}");
            self.problem.send_replace(Some(error));
            if healthy.elapsed() >= self.session_timeout {
                self.publish(None);
            }
            tokio::time::sleep(backoff(attempt)).await;
            attempt += 1;
        }
    }

    fn publish(&self, next: Option<MasterInfo>) {
        self.leader.send_if_modified(|now| {
            let changed = now.as_deref() != next.as_ref();
            if changed {
                *now = next.map(Arc::new);
            }
            changed
        });
    }

    async fn one_session(
        &self,
        attempt: &mut u32,
        healthy: &mut Instant,
    ) -> Result<std::convert::Infallible, Error> {
        let client = open(&self.address, self.session_timeout).await?;
        *attempt = 0;
        let mut states = client.state_watcher();
        loop {
            let followed = tokio::select! {
                followed = self.follow(&client, healthy) => followed,
                state = states.changed() => match state {
                    SessionState::SyncConnected | SessionState::ConnectedReadOnly => Ok(()),
                    state => Err(Error::SessionEnded { state: state.to_string() }),
                },
            };
            let Err(error) = followed else { continue };
            if client.state().is_terminated() {
                return Err(error);
            }
            // Connected, but the call failed: refused or not answered. It is tried again after a pause.
            self.problem.send_replace(Some(error));
            let forget_at = *healthy + self.session_timeout;
            while client.state() == SessionState::Disconnected {
                tokio::select! {
                    _ = states.changed() => {}
                    () = tokio::time::sleep_until(forget_at), if Instant::now() < forget_at => self.publish(None),
                }
            }
            tokio::time::sleep(backoff(0)).await;
        }
    }

    /// Reads the election once, publishes the leader, and waits for the next change.
    async fn follow(&self, client: &Client, healthy: &mut Instant) -> Result<(), Error> {
        let path = &self.address.path;
        let listed = client.list_and_watch_children(path);
        let (children, watcher) = match bounded(&format!("list {path}"), listed).await {
            Ok(listed) => listed,
            Err(Error::Call { cause, .. }) if cause == zookeeper_client::Error::NoNode.to_string() => {
                self.seen(None, healthy);
                return self.wait_for_path(client, healthy).await;
            }
            Err(error) => return Err(error),
        };
        let leader = match leader_of(&children) {
            None => None,
            Some(name) => match self.read(client, name).await {
                Ok(master) => Some(master),
                // The candidate left between the two calls; the watch will tell of that.
                Err(Error::Call { cause, .. }) if cause == zookeeper_client::Error::NoNode.to_string() => {
                    return Ok(());
                }
                Err(unreadable @ Error::ParseMasterInfo { .. }) => {
                    tracing::warn!("{unreadable}");
                    None
                }
                Err(error) => return Err(error),
            },
        };
        self.seen(leader, healthy);
        watcher.changed().await;
        *healthy = Instant::now();
        Ok(())
    }

    async fn wait_for_path(&self, client: &Client, healthy: &mut Instant) -> Result<(), Error> {
        let path = &self.address.path;
        let (stat, watcher) = bounded(&format!("stat {path}"), client.check_and_watch_stat(path)).await?;
        if stat.is_none() {
            let event = watcher.changed().await;
            *healthy = Instant::now();
            if event.event_type == EventType::Session {
                return Err(Error::SessionEnded {
                    state: event.session_state.to_string(),
                });
            }
        }
        Ok(())
    }

    fn seen(&self, leader: Option<MasterInfo>, healthy: &mut Instant) {
        *healthy = Instant::now();
        self.problem.send_replace(None);
        self.publish(leader);
    }

    async fn read(&self, client: &Client, name: &str) -> Result<MasterInfo, Error> {
        let path = self.address.child(name);
        let (content, _) = bounded(&format!("get {path}"), client.get_data(&path)).await?;
        serde_json::from_slice(&content).map_err(|cause| Error::ParseMasterInfo {
            path,
            cause: cause.to_string(),
        })
    }
}
