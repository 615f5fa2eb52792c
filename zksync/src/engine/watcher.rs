//! Asks the servers of an ensemble from time to time who they are and which clients are connected.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use mesolith_zk::four_letter::{Mode, Words};
use mesolith_zk::security::Security;
use tokio::sync::watch;

/// Pause between two rounds. A client that moves has to be noticed well before its session's timeout.
const PERIOD: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(2);

/// The answers of the servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Servers {
    pub(super) version: Option<String>,
    pub(super) leader: Option<String>,
    /// Number of servers that answer and take part.
    pub(super) serving: usize,
    /// Numbers of the servers that tell theirs.
    pub(super) ids: BTreeSet<u64>,
    /// Sessions of connected clients. `None` if a server does not tell.
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
        let mut ids = BTreeMap::new();
        while !sender.is_closed() {
            ask_ids(&servers, &words, &mut ids).await;
            let mut found = ask(&servers, &words).await;
            found.ids = ids.values().copied().collect();
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

/// Adds the numbers of those servers that have not told theirs yet.
async fn ask_ids(servers: &[String], words: &Words, known: &mut BTreeMap<String, u64>) {
    let asked: Vec<_> = servers
        .iter()
        .filter(|server| !known.contains_key(*server))
        .collect();
    let answers = join_all(asked.iter().map(|server| words.conf(server))).await;
    let said = asked.into_iter().zip(answers);
    known.extend(said.filter_map(|(server, conf)| {
        let id = u64::try_from(conf.ok()?.id?).ok()?;
        Some((server.clone(), id))
    }));
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
    for connections in connections.into_iter().flatten() {
        answered = true;
        all.extend(connections.iter().map(|connection| connection.session));
    }
    found.connected = answered.then_some(all);
    found
}
