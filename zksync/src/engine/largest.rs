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
    /// In bytes, the least of all servers, at most the default while a server has not shown it; `None` if none has.
    taken: Option<u32>,
    /// The question that this answers.
    asked: Question,
}

/// A question to the servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Question {
    /// Length in bytes up to which the answer has to be known.
    most: u32,
    /// How many links there were. The servers may have been started again since the last one.
    links: u64,
    /// How often what is known was to be looked at again.
    checks: u64,
}

/// The longest packet that a side's servers take, up to the length that matters.
#[derive(Debug)]
pub(super) struct Largest {
    found: watch::Receiver<Found>,
    wanted: watch::Sender<Question>,
    /// The last question whose answer was taken.
    heard: Question,
    /// There is one since the last call of `news`.
    is_new_link: bool,
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
            links: 1,
            checks: 0,
        });
        let (sender, found) = watch::channel(Found::default());
        tokio::spawn(ask(servers, words, to_ask, sender));
        Self {
            found,
            wanted,
            heard: Question::default(),
            is_new_link: false,
        }
    }

    /// The longest packet in bytes, if an answer has come since the last call; the default if no server shows it. What
    /// was known before a new link is at most the default until the servers have answered again.
    pub(super) fn news(&mut self) -> Option<usize> {
        let is_new_link = std::mem::take(&mut self.is_new_link);
        if !self.found.has_changed().unwrap_or(false) && !is_new_link {
            return None;
        }
        let found = *self.found.borrow_and_update();
        self.heard = found.asked;
        let known = found.taken.unwrap_or(max_buffer::DEFAULT);
        let is_of_this_link = found.asked.links == self.wanted.borrow().links;
        let taken = if is_of_this_link {
            known
        } else {
            known.min(max_buffer::DEFAULT)
        };
        Some(taken as usize)
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

    /// There is a new link: servers that were started meanwhile may have another limit.
    pub(super) fn look_again(&mut self) {
        self.wanted.send_modify(|question| question.links += 1);
        self.is_new_link = true;
    }

    /// Looks again at what is known, since something longer waits.
    pub(super) fn check(&self) {
        self.wanted.send_modify(|question| question.checks += 1);
    }

    /// Whether an answer is still to come.
    pub(super) fn is_asking(&self) -> bool {
        let wanted = *self.wanted.borrow();
        (self.heard.most, self.heard.links) != (wanted.most, wanted.links)
    }
}

/// What one server has shown.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    /// The longest packet in bytes; kept while the server does not serve.
    taken: Option<u32>,
    /// What it was asked.
    asked: Question,
    /// It has stopped serving since, and may come back with another limit.
    away: bool,
    /// When to ask again, if it did not show its limit.
    again: Option<Instant>,
}

impl Shown {
    fn is_enough(&self, wanted: Question) -> bool {
        let is_known =
            self.asked.most >= wanted.most || self.taken.is_some_and(|taken| taken < self.asked.most);
        let is_late = self.again.is_some_and(|again| Instant::now() >= again);
        let is_checked = self.asked.checks == wanted.checks || self.again.is_some();
        self.is_of_this_run(wanted) && is_known && is_checked && !is_late
    }

    /// Whether it has most likely not been started again since it was asked.
    fn is_of_this_run(&self, wanted: Question) -> bool {
        !self.away && self.asked.links == wanted.links
    }
}

/// What all servers take: each has to show that it takes more than the default, since what is too long for one member can
/// cost the ensemble its quorum.
fn least(all: &[Shown]) -> Option<u32> {
    all.iter().find_map(|shown| shown.taken)?;
    let each = all.iter().map(|shown| shown.taken.unwrap_or(max_buffer::DEFAULT));
    each.min()
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
            .map(|(server, before)| one(&words, server, asked, *before));
        all = join_all(each).await;
        let taken = least(&all);
        sender.send_if_modified(|before| {
            let found = Found { taken, asked };
            std::mem::replace(before, found) != found
        });
        let _ = tokio::time::timeout(PERIOD, wanted.changed()).await;
    }
}

async fn one(words: &Words, server: &str, wanted: Question, before: Shown) -> Shown {
    let serves = words.srvr(server).await.is_ok_and(|status| status.mode.is_some());
    if !serves {
        return Shown { away: true, ..before };
    }
    if before.is_enough(wanted) {
        return before;
    }
    let likely = before.taken.unwrap_or(max_buffer::DEFAULT);
    match words.max_buffer(server, wanted.most, likely).await {
        Ok(taken) => Shown {
            taken: Some(taken),
            asked: wanted,
            ..Shown::default()
        },
        Err(error) => {
            tracing::info!(server, %error, "the longest packet that a server takes is not known");
            Shown {
                taken: before.taken.filter(|_| before.is_of_this_run(wanted)),
                asked: wanted,
                away: false,
                again: Some(Instant::now() + AGAIN),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(taken: Option<u32>) -> Shown {
        Shown {
            taken,
            asked: WANTED,
            ..Shown::default()
        }
    }

    const WANTED: Question = Question {
        most: FIRST,
        links: 3,
        checks: 5,
    };
    const RAISED: u32 = 4 << 20;

    #[test]
    fn a_server_that_has_shown_nothing_takes_the_default() {
        let least =
            |all: &[Option<u32>]| super::least(&all.iter().map(|taken| shown(*taken)).collect::<Vec<_>>());
        assert_eq!(least(&[None, None]), None);
        assert_eq!(least(&[Some(RAISED), Some(FIRST)]), Some(RAISED));
        assert_eq!(least(&[Some(RAISED), None]), Some(max_buffer::DEFAULT));
        assert_eq!(least(&[None, Some(100_000)]), Some(100_000));
    }

    #[test]
    fn a_server_is_asked_again_after_a_new_link_a_check_and_its_absence() {
        let known = shown(Some(RAISED));
        assert!(known.is_enough(WANTED));
        assert!(shown(Some(FIRST)).is_enough(WANTED));
        let changed = [Question { links: 4, ..WANTED }, Question { checks: 6, ..WANTED }];
        for wanted in changed {
            assert!(!known.is_enough(wanted), "{wanted:?}");
        }
        assert!(!Shown { away: true, ..known }.is_enough(WANTED));
        let longer = Question {
            most: FIRST + 1,
            ..WANTED
        };
        assert!(known.is_enough(longer) && !shown(Some(FIRST)).is_enough(longer));
    }

    #[tokio::test]
    async fn what_was_known_counts_up_to_the_default_after_a_new_link_until_the_answer() {
        let (sender, found) = watch::channel(Found::default());
        let (wanted, _to_ask) = watch::channel(WANTED);
        let mut largest = Largest {
            found,
            wanted,
            heard: Question::default(),
            is_new_link: false,
        };
        let answer = |asked| {
            let taken = Some(RAISED);
            sender.send_replace(Found { taken, asked });
        };
        answer(WANTED);
        assert_eq!(largest.news(), Some(RAISED as usize));
        assert!(!largest.is_asking());
        largest.check();
        assert_eq!((largest.news(), largest.is_asking()), (None, false));
        largest.look_again();
        assert_eq!(largest.news(), Some(max_buffer::DEFAULT as usize));
        assert_eq!((largest.news(), largest.is_asking()), (None, true));
        let asked = *largest.wanted.borrow();
        answer(asked);
        assert_eq!(largest.news(), Some(RAISED as usize));
        assert!(!largest.is_asking());
    }
}
