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
/// What is longer than usual is believed after this time: a packet that is too long for its members costs an ensemble its
/// quorum, and a server under load may be slow to hang up.
const LONG_GRACE: Duration = Duration::from_secs(2);

impl Words {
    /// The longest packet, in bytes, that a server takes from clients; `most` if it takes that. Nothing longer is asked
    /// for, since a server allocates memory for each length that it takes.
    ///
    /// # Errors
    /// When it cannot be reached within the limit, or hangs up on everybody.
    pub async fn max_buffer(&self, server: &str, most: u32) -> Result<u32, Error> {
        let mut search = Search::new(most);
        loop {
            let lengths = search.next();
            if lengths.is_empty() {
                let longest = search.taken;
                if longest <= DEFAULT || self.takes(server, &[longest], LONG_GRACE).await? == [true] {
                    return Ok(longest);
                }
                search = Search::new(longest - 1);
                continue;
            }
            for (length, taken) in lengths.iter().zip(self.takes(server, &lengths, GRACE).await?) {
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

/// Between the longest length that is known to be taken, and the shortest that is not.
#[derive(Debug)]
struct Search {
    taken: u32,
    refused: u32,
    rounds: u32,
}

impl Search {
    fn new(most: u32) -> Self {
        Self {
            taken: SHORT,
            refused: most.max(SHORT).saturating_add(1),
            rounds: 0,
        }
    }

    fn learn(&mut self, length: u32, taken: bool) {
        if taken {
            self.taken = self.taken.max(length);
        } else {
            self.refused = self.refused.min(length);
        }
    }

    /// The lengths to ask for; none when the limit is found. Few at a time, since a server allocates memory for each.
    fn next(&mut self) -> Vec<u32> {
        let (taken, refused) = (self.taken, self.refused);
        let mut lengths: Vec<u32> = match self.rounds {
            // Most likely nobody has set it.
            0 => vec![DEFAULT, DEFAULT + 1],
            // Most likely it was set to a power of two, or one less.
            1 => (20..31).map(|power| 1 << power).chain([refused - 1]).collect(),
            2 => vec![taken + 1, refused - 1],
            _ => vec![taken + (refused - taken) / 2],
        };
        self.rounds += 1;
        lengths.retain(|length| *length > taken && *length < refused);
        if lengths.is_empty() && refused - taken > 1 {
            return self.next();
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(limit: u32, most: u32) -> (u32, usize) {
        let mut search = Search::new(most);
        for rounds in 0..100 {
            let lengths = search.next();
            if lengths.is_empty() {
                return (search.taken, rounds);
            }
            assert!(lengths.iter().all(|length| *length <= most), "{lengths:?}");
            lengths
                .into_iter()
                .for_each(|length| search.learn(length, length <= limit));
        }
        panic!("never found: {search:?}");
    }

    #[test]
    fn usual_limits_are_found_at_once() {
        const MOST: u32 = 8 << 20;
        assert_eq!(found(DEFAULT, MOST), (DEFAULT, 1));
        assert_eq!(found(4 << 20, MOST), (4 << 20, 3));
        assert_eq!(found((4 << 20) - 1, MOST), ((4 << 20) - 1, 3));
        assert_eq!(found(100 << 20, MOST), (MOST, 2));
    }

    proptest! {
        #[test]
        fn every_limit_is_found(limit in SHORT..1 << 30, most in SHORT..1 << 30) {
            let (length, rounds) = found(limit, most);
            prop_assert_eq!(length, limit.min(most));
            prop_assert!(rounds <= 34, "{} rounds", rounds);
        }
    }
}
