//! The longest packet that a server takes from clients: its `jute.maxbuffer`.
//!
//! No four-letter word tells it, but a server shows it: a packet begins with its length, and a server hangs up as soon
//! as it has read a length that is too large. So lengths are sent without a packet behind them. Nothing is written, no
//! session is opened, and each refused length makes one warning in the server's log.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::Error;
use crate::four_letter::Words;

/// What servers take if nobody has set `jute.maxbuffer`.
pub const DEFAULT: u32 = 1_048_575;

/// Every ZooKeeper server takes a packet of this length, in bytes. Whatever hangs up on it has other rules.
const SHORT: u32 = 1_024;
/// A server that has answered another question meanwhile hangs up within this time.
const GRACE: Duration = Duration::from_millis(200);
/// Grace for what is longer than the default. A server under load may be slow to hang up, and a packet that is too long
/// for the members costs an ensemble its quorum.
const LONG_GRACE: Duration = Duration::from_secs(2);

impl Words {
    /// The longest packet, in bytes, that a server takes from clients; `most` if it takes that. Nothing longer is asked
    /// for, since a server allocates memory for each length that it takes. `likely` is asked about first: if it is the
    /// answer, a single length is refused.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or hangs up on everybody.
    pub async fn max_buffer(&self, server: &str, most: u32, likely: u32) -> Result<u32, Error> {
        let mut search = Search::new(most, likely);
        loop {
            let lengths = search.next();
            if lengths.is_empty() {
                return Ok(search.taken);
            }
            for (length, taken) in lengths
                .iter()
                .zip(self.takes(server, &lengths, search.grace).await?)
            {
                search.learn(*length, taken);
            }
        }
    }

    /// Whether a server takes packets of these lengths: those for which it has not hung up within the grace.
    async fn takes(&self, server: &str, lengths: &[u32], grace: Duration) -> Result<Vec<bool>, Error> {
        let fail = |cause: String| Error::FourLetter {
            server: server.to_owned(),
            word: "jute.maxbuffer",
            cause,
        };
        // A length that every server takes shows whether it hangs up for another reason.
        let asked = lengths.iter().chain([&SHORT]).map(|length| async {
            let mut stream = self.connect(server).await?;
            let sent = async {
                stream.write_all(&length.to_be_bytes()).await?;
                stream.flush().await
            };
            // It may have hung up already.
            Ok(sent.await.is_ok().then_some(stream))
        });
        let asked = try_join_all(asked).await.map_err(fail)?;
        self.srvr(server).await?;
        let taken = asked.into_iter().map(|stream| async {
            match stream {
                Some(mut stream) => timeout(grace, stream.read_u8()).await.is_err(),
                None => false,
            }
        });
        let mut taken = join_all(taken).await;
        match taken.pop() {
            Some(true) => Ok(taken),
            _ => Err(fail("it hangs up on every connection".to_owned())),
        }
    }
}

/// Lies between the longest length that is known to be taken and the shortest that is known to be refused.
#[derive(Debug)]
struct Search {
    taken: u32,
    refused: u32,
    likely: u32,
    step: Step,
    /// Silence for this time counts as taken.
    grace: Duration,
}

/// What is asked about next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Likely,
    Powers,
    Neighbours,
    Halves,
}

impl Search {
    fn new(most: u32, likely: u32) -> Self {
        Self {
            taken: SHORT,
            refused: most.max(SHORT).saturating_add(1),
            likely,
            step: Step::Likely,
            grace: GRACE,
        }
    }

    fn learn(&mut self, length: u32, taken: bool) {
        if !taken {
            self.refused = self.refused.min(length);
        } else if length < self.refused {
            self.taken = self.taken.max(length);
        }
        if self.taken >= self.refused {
            // Some silence was a slow server's, nobody knows which.
            (self.taken, self.step, self.grace) = (SHORT, Step::Likely, LONG_GRACE);
        }
    }

    /// The lengths to ask about, at most two and in ascending order, since a server allocates memory for each; none when
    /// the limit is found.
    fn next(&mut self) -> Vec<u32> {
        while self.refused - self.taken > 1 {
            let (taken, refused) = (self.taken, self.refused);
            let between = |length: &u32| *length > taken && *length < refused;
            // Whoever sets it has most likely set a power of two, or one less.
            let mut powers = (20..31).map(|power| 1 << power).filter(between).take(2);
            let (lengths, after): (Vec<u32>, _) = match self.step {
                Step::Likely => (vec![self.likely, self.likely.saturating_add(1)], Step::Powers),
                Step::Powers => match powers.next() {
                    Some(power) => ([power].into_iter().chain(powers).collect(), Step::Powers),
                    None => (Vec::new(), Step::Neighbours),
                },
                Step::Neighbours => (vec![taken + 1, refused - 1], Step::Halves),
                Step::Halves => (vec![taken + (refused - taken) / 2], Step::Halves),
            };
            self.step = after;
            let lengths: Vec<u32> = lengths.into_iter().filter(between).collect();
            if !lengths.is_empty() {
                return lengths;
            }
        }
        if self.taken > DEFAULT && self.grace < LONG_GRACE {
            self.grace = LONG_GRACE;
            return vec![self.taken];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is found, and in how many rounds, when a server hangs up slowly on some lengths: silence of the short grace
    /// is not always true there, silence of the long one is.
    fn found(limit: u32, most: u32, likely: u32, mut is_slow: impl FnMut() -> bool) -> (u32, usize) {
        let mut search = Search::new(most, likely);
        for rounds in 0..200 {
            let lengths = search.next();
            if lengths.is_empty() {
                return (search.taken, rounds);
            }
            assert!(
                lengths.len() <= 2 && lengths.is_sorted() && lengths.iter().all(|length| *length <= most),
                "{lengths:?}"
            );
            for length in lengths {
                let silent = search.grace < LONG_GRACE && is_slow();
                search.learn(length, length <= limit || silent);
            }
        }
        panic!("never found: {search:?}");
    }

    #[test]
    fn usual_limits_are_found_soon() {
        const MOST: u32 = 8 << 20;
        let found = |limit, likely| found(limit, MOST, likely, || false);
        assert_eq!(found(DEFAULT, DEFAULT), (DEFAULT, 1));
        assert_eq!(found(4 << 20, DEFAULT), (4 << 20, 5));
        assert_eq!(found((4 << 20) - 1, DEFAULT), ((4 << 20) - 1, 4));
        assert_eq!(found(100 << 20, DEFAULT), (MOST, 4));
        // What is known is looked at once more.
        assert_eq!(found(3_000_000, 3_000_000), (3_000_000, 2));
        assert_eq!(found(100 << 20, MOST), (MOST, 2));
        assert_eq!(found(100_000, 100_000), (100_000, 1));
    }

    #[test]
    fn a_server_that_is_always_slow_is_waited_for() {
        let (length, rounds) = found(4 << 20, 8 << 20, DEFAULT, || true);
        assert_eq!(length, 4 << 20);
        assert!(rounds < 20, "{rounds} rounds");
    }

    proptest! {
        #[test]
        fn every_limit_is_found(limit in SHORT..1 << 30, most in SHORT..1 << 30, likely in SHORT..1 << 30) {
            for likely in [likely, DEFAULT, limit, most] {
                let (length, rounds) = found(limit, most, likely, || false);
                prop_assert_eq!(length, limit.min(most));
                prop_assert!(rounds <= 40, "{} rounds", rounds);
            }
        }

        #[test]
        fn slow_answers_never_show_more_than_is_taken(
            limit in SHORT..1 << 30,
            most in SHORT..1 << 30,
            likely in SHORT..1 << 30,
            slow in prop::collection::vec(any::<bool>(), 1..50),
        ) {
            for likely in [likely, DEFAULT, limit, most] {
                let mut slow = slow.iter().copied().cycle();
                let (length, _) = found(limit, most, likely, || slow.next().unwrap());
                // What is not above the default is not looked at twice.
                prop_assert!(length <= limit.max(DEFAULT).min(most), "{} of {}", length, limit);
                prop_assert!(length >= limit.min(most), "{} of {}", length, limit);
            }
        }
    }
}
