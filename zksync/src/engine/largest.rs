//! The longest packet that a side's servers take from clients: asked of each server when it begins to serve.

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
    /// What was asked.
    asked: Question,
}

/// What is to be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Question {
    /// Whether they take packets up to this length.
    most: u32,
    /// How often somebody wanted to know what they take by now.
    times: u64,
}

/// What a side's servers take, as far as anybody needs to know.
#[derive(Debug)]
pub(super) struct Largest {
    found: watch::Receiver<Found>,
    wanted: watch::Sender<Question>,
    /// The last question whose answer was taken.
    heard: Question,
}

impl Largest {
    /// Asks until this is dropped.
    pub(super) fn watch(servers: Vec<String>, security: &Security) -> Self {
        let words = Words::new(security, LIMIT).unwrap_or_else(|error| {
            tracing::warn!(%error, "servers are asked without TLS");
            Words::plain(LIMIT)
        });
        let (wanted, to_ask) = watch::channel(Question {
            most: FIRST,
            times: 1,
        });
        let (sender, found) = watch::channel(Found::default());
        tokio::spawn(ask(servers, words, to_ask, sender));
        let heard = Question::default();
        Self { found, wanted, heard }
    }

    /// What they take, in bytes, when that was found out since the last time.
    pub(super) fn news(&mut self) -> Option<usize> {
        if !self.found.has_changed().unwrap_or(false) {
            return None;
        }
        let found = *self.found.borrow_and_update();
        self.heard = found.asked;
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
        if found.taken == Some(found.asked.most) && wanted > found.asked.most {
            self.wanted
                .send_modify(|question| question.most = question.most.max(wanted));
        }
    }

    /// Servers that were started meanwhile may take something else.
    pub(super) fn look_again(&self) {
        self.wanted.send_modify(|question| question.times += 1);
    }

    /// Whether an answer is still to come.
    pub(super) fn is_asking(&self) -> bool {
        self.heard != *self.wanted.borrow()
    }
}

/// What one server has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// In bytes; kept while it does not serve.
    taken: Option<u32>,
    /// Up to which length it was asked.
    asked: u32,
    /// It has not served since: it may be started again with another limit.
    away: bool,
    /// It did not show it, and is asked again then.
    again: Option<Instant>,
}

impl Shown {
    fn is_enough(&self, most: u32) -> bool {
        let known = self.asked >= most || self.taken.is_some_and(|taken| taken < self.asked);
        !self.away && known && self.again.is_none_or(|again| Instant::now() < again)
    }
}

async fn ask(
    servers: Vec<String>,
    words: Words,
    mut wanted: watch::Receiver<Question>,
    sender: watch::Sender<Found>,
) {
    let mut all = vec![Shown::default(); servers.len()];
    while !sender.is_closed() {
        let asked = *wanted.borrow_and_update();
        let each = servers
            .iter()
            .zip(&all)
            .map(|(server, before)| one(&words, server, asked.most, *before));
        all = join_all(each).await;
        let taken = all.iter().filter_map(|shown| shown.taken).min();
        sender.send_if_modified(|before| {
            let found = Found { taken, asked };
            std::mem::replace(before, found) != found
        });
        let _ = tokio::time::timeout(PERIOD, wanted.changed()).await;
    }
}

async fn one(words: &Words, server: &str, most: u32, before: Shown) -> Shown {
    let serves = words.srvr(server).await.is_ok_and(|status| status.mode.is_some());
    if !serves {
        return Shown { away: true, ..before };
    }
    if before.is_enough(most) {
        return before;
    }
    match words.max_buffer(server, most).await {
        Ok(taken) => Shown {
            taken: Some(taken),
            asked: most,
            ..Shown::default()
        },
        Err(error) => {
            tracing::info!(server, %error, "the longest packet that a server takes is not known");
            Shown {
                asked: most,
                away: false,
                again: Some(Instant::now() + AGAIN),
                ..before
            }
        }
    }
}
