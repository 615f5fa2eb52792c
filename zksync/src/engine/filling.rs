//! How far the target is filled, and how long it will still take. All figures are counted; none is guessed.

use std::collections::VecDeque;

use crate::status::Progress;

/// Period over which the rate is taken, in microseconds: long enough for a steady figure, short enough to show a
/// change.
const WINDOW: u64 = 10_000_000;
/// Shortest period, in microseconds, from which a rate is computed.
const LEAST: u64 = 1_000_000;

/// Counts of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Filling {
    samples: VecDeque<(u64, u64)>,
}

impl Filling {
    /// Adds a count: `done` of `total` nodes at the time `now`. A node that is looked at again, to see that
    /// everything has arrived, was counted before.
    pub(super) fn look(&mut self, now: u64, done: u64, total: u64, bytes: u64) -> Progress {
        let before = self.samples.back().map_or(0, |(_, done)| *done);
        let done = done.max(before).min(total);
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
        let (then, at_first) = self.samples[0];
        let per_second = if now >= then + LEAST {
            done.saturating_sub(at_first) as f64 / ((now - then) as f64 / 1e6)
        } else {
            0.0
        };
        Progress {
            done,
            total,
            bytes,
            per_second,
            seconds_left: (per_second > 0.0).then(|| (total - done) as f64 / per_second),
        }
    }

    /// Forgets the counts: the target is filled, or another engine fills it.
    pub(super) fn forget(&mut self) {
        self.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn the_time_left_is_counted_from_what_was_done() {
        let mut filling = Filling::default();
        let first = filling.look(SECOND, 0, 1_000, 0);
        assert_eq!((first.per_second, first.seconds_left), (0.0, None));
        let early = filling.look(SECOND + 200_000, 50, 1_000, 0);
        assert_eq!(early.seconds_left, None, "too early to say");
        let later = filling.look(3 * SECOND, 200, 1_000, 4_096);
        assert_eq!((later.per_second, later.seconds_left), (100.0, Some(8.0)));
        assert_eq!((later.done, later.total, later.bytes), (200, 1_000, 4_096));
    }

    #[test]
    fn the_rate_is_of_the_last_seconds() {
        let mut filling = Filling::default();
        for second in 1..=20 {
            filling.look(second * SECOND, second * 100, 100_000, 0);
        }
        for second in 21..=30 {
            filling.look(second * SECOND, 2_000 + (second - 20) * 10, 100_000, 0);
        }
        let slow = filling.look(31 * SECOND, 2_110, 100_000, 0);
        assert_eq!(slow.per_second, 10.0);
        let stalled = (32..=45).map(|second| filling.look(second * SECOND, 2_110, 100_000, 0));
        assert_eq!(
            stalled.last().unwrap().seconds_left,
            None,
            "nothing moves: no time is promised"
        );
    }

    #[test]
    fn it_never_goes_back() {
        let mut filling = Filling::default();
        filling.look(SECOND, 900, 1_000, 0);
        assert_eq!(
            filling.look(2 * SECOND, 10, 1_000, 0).done,
            900,
            "a second walk looks again"
        );
        assert_eq!(filling.look(3 * SECOND, 2_000, 1_000, 0).done, 1_000);
        assert_eq!(
            filling.look(4 * SECOND, 0, 800, 0).done,
            800,
            "nodes were deleted meanwhile"
        );
        filling.forget();
        assert_eq!(filling.look(5 * SECOND, 3, 800, 0).done, 3);
    }
}
