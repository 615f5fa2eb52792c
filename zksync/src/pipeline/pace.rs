//! Decides how many requests may be on their way. Few on a short link, so that each takes what has gathered; more on
//! a long link, so that it is never idle.

use std::collections::VecDeque;

/// How long the shortest time is remembered, in microseconds.
const WINDOW: u64 = 10_000_000;
/// One more request for each so many microseconds between a request and its answer.
const STEP: u64 = 1_000;
/// More requests would only wait at the leader.
const MOST: usize = 512;

/// The shortest recent time between a request and its answer.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Pairs of a moment and the time measured then. Only those are kept that no later one is below.
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
        // A busy server answers later, but the link is not longer.
        pace.answered(100_000, 100_800);
        pace.answered(200_000, 290_000);
        assert_eq!(pace.allowed(2), 2);
        // The link is longer for good.
        for n in 1..20 {
            let now = 1_000_000 * n;
            pace.answered(now, now + 20_000);
        }
        assert_eq!(pace.allowed(2), 22);
    }
}
