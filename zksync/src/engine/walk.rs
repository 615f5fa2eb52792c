//! Walks through both trees, in slices between events.

use std::time::{Duration, Instant};

use super::driver::{Driver, Role};
use super::end::both;
use crate::duplex::Sweep;
use crate::plan::Why;
use crate::settings::{Mode, Side};

/// Shortest pause between two walks when all is well, in microseconds. The pause is also at least so many times
/// longer than the walk.
const SWEEP_PAUSE: u64 = 30_000_000;
const SWEEP_SHARE: u64 = 40;
/// How long the end of a walk waits for nodes that have a change on its way, in microseconds.
const BUSY_PATIENCE: u64 = 2_000_000;
/// Length of a slice, and the number of nodes between two looks at the clock.
const SLICE: Duration = Duration::from_millis(8);
const SLICE_SETTLED: Duration = Duration::from_millis(1);
const LOOKS: usize = 200;
/// Pause, in microseconds, before nodes that a side has refused are tried again.
const RETRY_REFUSED: u64 = 60_000_000;
/// Most units that may wait while the target is filled.
const MOST_PENDING: usize = 8_000;

impl Driver {
    /// Starts a walk from the beginning.
    pub(super) fn look_again(&mut self) {
        if let Some(sweep) = self.sweep.take() {
            self.phases.repaired(sweep.looked, sweep.found);
        }
        self.settled = false;
        self.sweep_due = 0;
    }

    /// Does a slice of the walk, and what follows at its end.
    pub(super) fn walk(&mut self, on_tick: bool) {
        let now = self.now();
        let may = self.role == Role::Active && self.a.up && self.b.up && self.settings.mode == Mode::Run;
        let needs_a = self.duplex.needs_a();
        let running = self.duplex.away_from(Side::A).is_running()
            && (!needs_a || self.duplex.away_from(Side::B).is_running());
        if !may || !running || (self.settled && !on_tick) || now < self.sweep_due {
            return;
        }
        let pending = self.duplex.away_from(Side::A).pending() + self.duplex.away_from(Side::B).pending();
        if pending > MOST_PENDING {
            return;
        }
        // The repairs of the last walk must have arrived, or another look says nothing new.
        let [a, b] = self.repaired;
        if !self.duplex.away_from(Side::A).is_done(a)
            || (needs_a && !self.duplex.away_from(Side::B).is_done(b))
        {
            return;
        }
        let budget = self.budget(now);
        if budget == 0 {
            return;
        }
        let base = self.base;
        let mut sweep = self.sweep.take().unwrap_or_else(|| {
            self.sweep_begun = now;
            self.busy_until = None;
            tracing::debug!(settled = self.settled, ?base, "a walk through both trees begins");
            Sweep::new(base)
        });
        let mut news = Vec::new();
        let found = sweep.found;
        let trees = both(&self.a, &self.b);
        let until = Instant::now() + if self.settled { SLICE_SETTLED } else { SLICE };
        let mut at_end = false;
        let may_find = sweep.found + budget as u64;
        while !at_end && sweep.found < may_find && Instant::now() < until {
            at_end = sweep.step(&mut self.duplex, trees, LOOKS, &mut news);
        }
        // Nodes that are written all the time are left to the next walk.
        if at_end {
            let until = *self.busy_until.get_or_insert(now + BUSY_PATIENCE);
            let is_done = (on_tick || self.settled) && sweep.look_again(&mut self.duplex, trees, &mut news);
            at_end = is_done || now >= until;
        }
        if found == 0 && sweep.found > 0 {
            self.phases.repairs();
        }
        self.repairs -= (sweep.found - found) as f64;
        self.news(news, now);
        if !at_end {
            self.sweep = Some(sweep);
            return;
        }
        tracing::debug!(
            looked = sweep.looked,
            found = sweep.found,
            left = sweep.left(),
            "a walk through both trees has ended"
        );
        self.phases.repaired(sweep.looked, sweep.found);
        if sweep.found > 0 {
            self.repaired = [Side::A, Side::B].map(|side| self.duplex.away_from(side).last_unit());
            self.sweep_due = 0;
            return;
        }
        if !self.settled {
            self.store_identity();
        }
        self.settled = true;
        self.base = None;
        self.duplex.away_from_mut(Side::A).set_complete();
        self.duplex.away_from_mut(Side::B).set_complete();
        let pause = SWEEP_PAUSE.max((now - self.sweep_begun) * SWEEP_SHARE);
        self.sweep_due = now + pause;
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
