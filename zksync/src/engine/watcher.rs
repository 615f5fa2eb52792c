//! Asks the servers of an ensemble from time to time who they are, and who is connected to them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use mesolith_zk::four_letter::{Mode, Words};
use mesolith_zk::security::Security;
use tokio::sync::watch;

/// Between two rounds: a client that moves has to be noticed well before its session's timeout.
const PERIOD: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(2);

/// What the servers say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Servers {
    pub(super) version: Option<String>,
    pub(super) leader: Option<String>,
    /// How many of them answer and take part.
    pub(super) serving: usize,
    /// Sessions whose clients are connected; none if a server does not say.
    pub(super) connected: Option<BTreeSet<i64>>,
}

/// Asks until nobody listens any more.
pub(super) fn watch(servers: Vec<String>, security: &Security) -> watch::Receiver<Servers> {
    let words = Words::new(security, LIMIT).unwrap_or_else(|error| {
        tracing::warn!(%error, "servers are asked without TLS");
        Words::plain(LIMIT)
    });
    let (sender, receiver) = watch::channel(Servers::default());
    tokio::spawn(async move {
        while !sender.is_closed() {
            let found = ask(&servers, &words).await;
            sender.send_if_modified(|before| {
                let changed = *before != found;
                *before = found;
                changed
            });
            tokio::time::sleep(PERIOD).await;
        }
    });
    receiver
}

async fn ask(servers: &[String], words: &Words) -> Servers {
    let mut found = Servers::default();
    let statuses = join_all(servers.iter().map(|server| words.srvr(server))).await;
    for (server, status) in servers.iter().zip(statuses) {
        let Ok(status) = status else { continue };
        let Some(mode) = status.mode else { continue };
        found.serving += 1;
        if matches!(mode, Mode::Leader | Mode::Standalone) {
            found.leader = Some(server.clone());
            found.version = Some(status.version);
        }
    }
    let connections = join_all(servers.iter().map(|server| words.cons(server))).await;
    let mut all = BTreeSet::new();
    let mut answered = false;
    for sessions in connections.into_iter().flatten() {
        answered = true;
        all.extend(sessions);
    }
    found.connected = answered.then_some(all);
    found
}
