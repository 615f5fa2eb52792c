//! How many requests may be on their way: few on a short link, so that each takes what has gathered; more on a long one,
//! so that the line is full.

use std::collections::VecDeque;

/// How long the shortest way is remembered, in microseconds.
const WINDOW: u64 = 10_000_000;
/// For each so many microseconds of the way, one more request.
const STEP: u64 = 1_000;
/// More would only queue at the leader.
const MOST: usize = 512;

/// The shortest time between a request and its answer of late.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Time, and how long the way was; only those that nothing after them undercuts.
    ways: VecDeque<(u64, u64)>,
}

impl Pace {
    /// A request was answered.
    pub(super) fn answered(&mut self, sent: u64, now: u64) {
        let way = now.saturating_sub(sent);
        while self.ways.back().is_some_and(|(_, before)| *before >= way) {
            self.ways.pop_back();
        }
        self.ways.push_back((now, way));
        while self.ways.len() > 1
            && self
                .ways
                .front()
                .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
        {
            self.ways.pop_front();
        }
    }

    /// How many requests at a time.
    pub(super) fn allowed(&self, on_a_short_link: usize) -> usize {
        let way = self.ways.front().map_or(0, |(_, way)| *way);
        let more = usize::try_from(way / STEP).unwrap_or(MOST);
        (on_a_short_link + more).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_of_late_counts() {
        let mut pace = Pace::default();
        assert_eq!(pace.allowed(2), 2);
        pace.answered(0, 50_000);
        assert_eq!(pace.allowed(2), 52);
        // A busy server makes the way longer, not the line.
        pace.answered(100_000, 100_800);
        pace.answered(200_000, 290_000);
        assert_eq!(pace.allowed(2), 2);
        // The line has become longer for good.
        for n in 1..20 {
            let now = 1_000_000 * n;
            pace.answered(now, now + 20_000);
        }
        assert_eq!(pace.allowed(2), 22);
    }
}
