//! Walks through both trees, in slices between events.

use std::time::{Duration, Instant};

use super::driver::{Driver, Role};
use super::end::both;
use crate::plan::Why;
use crate::settings::{Mode, Side};

/// Length of a slice, and the number of nodes between two looks at the clock.
const SLICE: Duration = Duration::from_millis(8);
const SLICE_SETTLED: Duration = Duration::from_millis(1);
const LOOKS: usize = 200;
/// Pause, in microseconds, before nodes that a side has refused are tried again.
const RETRY_REFUSED: u64 = 60_000_000;

impl Driver {
    /// Starts a walk from the beginning.
    pub(super) fn look_again(&mut self) {
        if let Some(walked) = self.rounds.again() {
            self.phases.repaired(walked.looked, walked.found);
        }
    }

    /// Does a slice of the walk, and what follows at its end.
    pub(super) fn walk(&mut self, on_tick: bool) {
        let now = self.now();
        let may = self.role == Role::Active && self.a.up && self.b.up && self.settings.mode == Mode::Run;
        if !may || !self.rounds.is_due(&self.duplex, now, on_tick) {
            return;
        }
        let budget = self.budget(now);
        if budget == 0 {
            return;
        }
        let slice = if self.rounds.is_settled() {
            SLICE_SETTLED
        } else {
            SLICE
        };
        let until = Instant::now() + slice;
        let (rounds, duplex, trees) = (&mut self.rounds, &mut self.duplex, both(&self.a, &self.b));
        let mut news = Vec::new();
        let before = rounds.found();
        let mut at_end = false;
        while !at_end && rounds.found() < before + budget as u64 && Instant::now() < until {
            at_end = rounds.look(duplex, trees, LOOKS, now, &mut news);
        }
        let walked = at_end
            .then(|| rounds.end(duplex, trees, now, on_tick, &mut news))
            .flatten();
        let found = walked.map_or(rounds.found(), |walked| walked.found);
        if before == 0 && found > 0 {
            self.phases.repairs();
        }
        self.repairs -= (found - before) as f64;
        self.news(news, now);
        if let Some(walked) = walked {
            self.phases.repaired(walked.looked, walked.found);
            if walked.settles {
                self.store_identity();
            }
        }
    }

    /// Number of nodes that may be repaired now under the rate limit.
    pub(super) fn budget(&mut self, now: u64) -> usize {
        const MOST: usize = 4_000;
        let Some(limit) = self.settings.rate_limit else {
            return MOST;
        };
        let since = now.saturating_sub(self.rates.budgeted) as f64 / 1e6;
        self.rates.budgeted = now;
        let limit = f64::from(limit);
        self.repairs = (self.repairs + since * limit).min((limit / 10.0).max(1.0));
        (self.repairs.max(0.0) as usize).min(MOST)
    }

    /// Tries refused changes again from time to time, since the side's configuration may have been repaired.
    pub(super) fn try_refused(&mut self, now: u64) {
        if now < self.retry_refused {
            return;
        }
        self.retry_refused = now + RETRY_REFUSED;
        for side in [Side::A, Side::B] {
            let mut refused = self.duplex.away_from(side.other()).refused().iter();
            if refused.any(|(.., refusal)| matches!(refusal.why, Why::TooLarge { .. })) {
                self.end(side).largest.check();
            }
        }
        self.duplex.try_refused(both(&self.a, &self.b));
    }
}
