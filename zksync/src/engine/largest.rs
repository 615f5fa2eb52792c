//! The longest packet that a side's servers take from clients: asked of each server when it begins to serve.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mesolith_zk::four_letter::Words;
use mesolith_zk::max_buffer;
use mesolith_zk::security::Security;
use tokio::sync::watch;

/// Between two looks at which servers serve.
const PERIOD: Duration = Duration::from_secs(1);
/// Before a server that could not be asked is asked again.
const AGAIN: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(2);
/// Nothing longer is asked for before there is something longer to write.
const FIRST: u32 = 8 << 20;

/// What the servers take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    /// In bytes, the least of all; none if nobody shows it.
    taken: Option<u32>,
    /// Up to which length they were asked.
    asked: u32,
}

/// What a side's servers take, as far as anybody needs to know.
#[derive(Debug)]
pub(super) struct Largest {
    found: watch::Receiver<Found>,
    wanted: watch::Sender<u32>,
}

impl Largest {
    /// Asks until this is dropped.
    pub(super) fn watch(servers: Vec<String>, security: &Security) -> Self {
        let words = Words::new(security, LIMIT).unwrap_or_else(|error| {
            tracing::warn!(%error, "servers are asked without TLS");
            Words::plain(LIMIT)
        });
        let (wanted, to_ask) = watch::channel(FIRST);
        let (sender, found) = watch::channel(Found::default());
        tokio::spawn(ask(servers, words, to_ask, sender));
        Self { found, wanted }
    }

    /// What they take, in bytes, when that is news.
    pub(super) fn news(&mut self) -> Option<usize> {
        if !self.found.has_changed().unwrap_or(false) {
            return None;
        }
        let found = *self.found.borrow_and_update();
        Some(found.taken.unwrap_or(max_buffer::DEFAULT) as usize)
    }

    /// What they take, in bytes, as far as they have shown it.
    pub(super) fn known(&self) -> Option<u32> {
        self.found.borrow().taken
    }

    /// Something of this length is to be written: whether they take it is found out if it is not known.
    pub(super) fn want(&self, bytes: usize) {
        let found = *self.found.borrow();
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        if found.taken == Some(found.asked) && wanted > found.asked {
            self.wanted
                .send_if_modified(|before| std::mem::replace(before, wanted.max(*before)) < wanted);
        }
    }

    /// Whether an answer is still to come.
    pub(super) fn is_asking(&self) -> bool {
        self.found.borrow().asked < *self.wanted.borrow()
    }
}

/// One server, and the answer: none if it did not show it, and when it is asked again.
type Answer = Result<u32, Instant>;

async fn ask(
    servers: Vec<String>,
    words: Words,
    mut wanted: watch::Receiver<u32>,
    sender: watch::Sender<Found>,
) {
    let mut known: BTreeMap<&str, (u32, Answer)> = BTreeMap::new();
    while !sender.is_closed() {
        let asked = *wanted.borrow_and_update();
        let each = servers.iter().map(|server| {
            let before = known.get(&**server).copied();
            one(&words, server, asked, before)
        });
        let answers = join_all(each).await;
        known = servers
            .iter()
            .map(|server| &**server)
            .zip(answers)
            .filter_map(|(server, answer)| Some((server, answer?)))
            .collect();
        let taken = known.values().filter_map(|(_, answer)| answer.ok()).min();
        sender.send_if_modified(|before| {
            let found = Found { taken, asked };
            std::mem::replace(before, found) != found
        });
        let _ = tokio::time::timeout(PERIOD, wanted.changed()).await;
    }
}

/// What is known of a server; none while it does not serve. It may be started again with another limit.
async fn one(words: &Words, server: &str, most: u32, before: Option<(u32, Answer)>) -> Option<(u32, Answer)> {
    let serves = words.srvr(server).await.is_ok_and(|status| status.mode.is_some());
    match before.filter(|_| serves) {
        _ if !serves => None,
        Some((_, Err(again))) if Instant::now() < again => before,
        Some((asked, Ok(taken))) if asked >= most || taken < asked => before,
        _ => {
            let answer = words.max_buffer(server, most).await.map_err(|error| {
                tracing::info!(server, %error, "the longest packet that a server takes is not known");
                Instant::now() + AGAIN
            });
            Some((most, answer))
        }
    }
}
