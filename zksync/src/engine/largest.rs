//! The longest packet that a side's servers take from clients: asked of each server when it begins to serve.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mesolith_zk::four_letter::Words;
use mesolith_zk::max_buffer;
use mesolith_zk::security::Security;
use tokio::sync::watch;

/// Pause between two checks of which servers serve.
const PERIOD: Duration = Duration::from_secs(1);
/// Pause before a server that could not be asked is asked again.
const AGAIN: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(2);
/// Longest length, in bytes, that is asked about until something longer is to be written.
const FIRST: u32 = 8 << 20;

/// The longest packet that the servers take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Found {
    /// In bytes, the least of all servers; `None` if no server has shown it.
    taken: Option<u32>,
    /// The question that this answers.
    asked: Question,
}

/// A question to the servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Question {
    /// Length in bytes up to which the answer has to be known.
    most: u32,
    /// How often the question was asked anew.
    times: u64,
}

/// The longest packet that a side's servers take, up to the length that matters.
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

    /// The longest packet in bytes, if an answer has come since the last call; the default if no server shows it.
    pub(super) fn news(&mut self) -> Option<usize> {
        if !self.found.has_changed().unwrap_or(false) {
            return None;
        }
        let found = *self.found.borrow_and_update();
        self.heard = found.asked;
        Some(found.taken.unwrap_or(max_buffer::DEFAULT) as usize)
    }

    /// The longest packet in bytes, if a server has shown it.
    pub(super) fn known(&self) -> Option<u32> {
        self.found.borrow().taken
    }

    /// Asks whether the servers take this length, if that is not known.
    pub(super) fn want(&self, bytes: usize) {
        let found = *self.found.borrow();
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        if found.taken == Some(found.asked.most) && wanted > found.asked.most {
            self.wanted
                .send_modify(|question| question.most = question.most.max(wanted));
        }
    }

    /// Asks again, since servers that were started meanwhile may have another limit.
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
    /// The longest packet in bytes; kept while the server does not serve.
    taken: Option<u32>,
    /// Length in bytes up to which it was asked.
    asked: u32,
    /// It has stopped serving since, and may come back with another limit.
    away: bool,
    /// When to ask again, if it did not show its limit.
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
