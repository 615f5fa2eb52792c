//! Client sessions: the link's own, and one for each mirrored session.
//!
//! A mirrored session has one id here and another id on the ensemble it comes from. All code outside this module uses
//! the id it comes from.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;
use zookeeper_client::{Client, SessionState};

use super::Config;

/// Opens a session with any server that answers.
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

/// Ends a session and with it its nodes. False if that is not certain.
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
    /// Requested session timeout in milliseconds.
    pub(super) timeout: i32,
}

#[derive(Default)]
pub(super) struct Sessions {
    mirrored: BTreeMap<i64, Mirrored>,
    /// From the id on this ensemble to the id that everybody else knows.
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
    /// From now on a client's session stands for this one.
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

    /// All mirrored sessions with their timeouts.
    pub(super) fn list(&self) -> impl Iterator<Item = (i64, i32)> {
        self.mirrored
            .iter()
            .map(|(session, mirrored)| (*session, mirrored.timeout))
    }

    /// Waits until a session ends that nobody has closed.
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
