//! Exponential back-off per object, reset on success. Pure: the caller waits.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// A first retry comes fast: most transient failures are a lost connection or a conflict.
const FIRST: Duration = Duration::from_secs(1);
/// Long enough to be no load, short enough that a repaired world is noticed while the person still looks.
const LONGEST: Duration = Duration::from_secs(120);

/// Consecutive failures of every object that is failing.
#[derive(Debug)]
pub(crate) struct Backoff<K> {
    failures: HashMap<K, u32>,
}

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self {
            failures: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq> Backoff<K> {
    /// Notes a failure; returns how long to wait before the next try.
    pub(crate) fn failed(&mut self, key: K) -> Duration {
        let count = self.failures.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        delay(*count)
    }

    /// Failures in a row.
    pub(crate) fn count(&self, key: &K) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Forgets the failures of an object that did well, or that is gone.
    pub(crate) fn succeeded(&mut self, key: &K) {
        self.failures.remove(key);
    }
}

/// The wait after the n-th failure in a row.
fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_wait() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..9).map(|_| backoff.failed("a").as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        assert_eq!(delay(u32::MAX), LONGEST);
    }

    #[test]
    fn objects_do_not_share_failures_and_success_resets() {
        let mut backoff = Backoff::default();
        backoff.failed("a");
        backoff.failed("a");
        assert_eq!(backoff.failed("b"), FIRST);
        backoff.succeeded(&"a");
        assert_eq!(backoff.failed("a"), FIRST);
    }
}
