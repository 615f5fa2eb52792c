//! Client sessions: the link's own, and one for each session that is mirrored.
//!
//! A mirrored session has another id on this ensemble than where it comes from. Everybody else only sees the id it
//! comes with.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;
use zookeeper_client::{Client, SessionState};

use super::Config;

/// Opens a session, whichever of the servers answer.
pub(super) async fn open(config: &Config, session_timeout: Duration) -> Result<Client, String> {
    let servers = config.servers.join(",");
    let connector = config.security.connector().map_err(|error| error.to_string())?;
    let mut connector = connector
        .with_session_timeout(session_timeout)
        .with_fail_eagerly();
    if let Some((major, minor, patch)) = config.version {
        connector = connector.with_server_version(major, minor, patch);
    }
    let opened = config.security.open(connector, &servers, config.call_limit).await;
    opened.map_err(|error| error.to_string())
}

/// Ends a session, and with it its nodes; false if that is not sure.
pub(super) async fn close(client: Client, limit: Duration) -> bool {
    let mut states = client.state_watcher();
    if client.state().is_terminated() {
        return true;
    }
    drop(client);
    let closed = async { while !states.changed().await.is_terminated() {} };
    timeout(limit, closed).await.is_ok()
}

#[derive(Debug)]
pub(super) struct Mirrored {
    pub(super) client: Client,
    /// Milliseconds, as they were asked for.
    pub(super) timeout: i32,
}

#[derive(Default)]
pub(super) struct Sessions {
    mirrored: BTreeMap<i64, Mirrored>,
    /// Where an id of this ensemble comes from.
    names: HashMap<i64, i64>,
    ends: FuturesUnordered<BoxFuture<'static, (i64, i64)>>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("mirrored", &self.mirrored)
            .finish()
    }
}

impl Sessions {
    /// A client's session stands for another one from now on.
    pub(super) fn name(&mut self, client: &Client, session: i64) {
        self.names.insert(client.session_id().0, session);
    }

    pub(super) fn add(&mut self, session: i64, client: Client, timeout: i32) {
        self.name(&client, session);
        let id = client.session_id().0;
        let mut states = client.state_watcher();
        self.ends.push(Box::pin(async move {
            while !states.changed().await.is_terminated() {}
            (session, id)
        }));
        self.mirrored.insert(session, Mirrored { client, timeout });
    }

    pub(super) fn get(&self, session: i64) -> Option<&Client> {
        self.mirrored.get(&session).map(|mirrored| &mirrored.client)
    }

    pub(super) fn remove(&mut self, session: i64) -> Option<Client> {
        self.mirrored.remove(&session).map(|mirrored| mirrored.client)
    }

    /// The id that everybody else knows.
    pub(super) fn known_as(&self, id: i64) -> i64 {
        self.names.get(&id).copied().unwrap_or(id)
    }

    /// All of them, and their timeouts.
    pub(super) fn list(&self) -> impl Iterator<Item = (i64, i32)> {
        self.mirrored
            .iter()
            .map(|(session, mirrored)| (*session, mirrored.timeout))
    }

    /// Waits until one has ended that nobody closed.
    pub(super) async fn ended(&mut self) -> i64 {
        loop {
            match self.ends.next().await {
                Some((session, id)) => {
                    let still = self
                        .get(session)
                        .is_some_and(|client| client.session_id().0 == id);
                    if still {
                        self.mirrored.remove(&session);
                        return session;
                    }
                }
                None => std::future::pending::<()>().await,
            }
        }
    }
}

/// Whether a session takes calls.
pub(super) fn is_up(state: SessionState) -> bool {
    matches!(state, SessionState::SyncConnected)
}
