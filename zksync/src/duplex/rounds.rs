//! One walk through both trees after the other: after a start or a gap until one has found nothing to repair, and then from
//! time to time. Pure.

use super::{Base, Both, Duplex, News, Sweep};
use crate::settings::Side;

/// Shortest pause between two walks when all is well, in microseconds. The pause is also at least so many times
/// longer than the walk.
const PAUSE: u64 = 30_000_000;
const SHARE: u64 = 40;
/// How long, in microseconds, the end of a walk waits for nodes that always have a change on its way.
const PATIENCE: u64 = 2_000_000;
/// Most units that may wait while the target is filled.
const MOST_PENDING: usize = 8_000;

/// The walks of an active engine.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Where both sides were equal before the start or the gap, until a walk has found nothing.
    base: Option<Base>,
    sweep: Option<Sweep>,
    begun: u64,
    due: u64,
    /// The last unit of each direction when a walk ended that has repaired something.
    repaired: [u64; 2],
    /// The same when the present walk had seen both trees.
    under_way: Option<[u64; 2]>,
    /// Until when it waits for nodes that have a change on its way, once those units have arrived.
    busy_until: Option<u64>,
    settled: bool,
}

/// A walk that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Nodes that were looked at.
    pub looked: u64,
    /// Nodes that differed.
    pub found: u64,
    /// Nodes that could not be judged.
    pub left: u64,
    /// It is the first one since a start or a gap that has found nothing.
    pub settles: bool,
}

impl Rounds {
    /// Whether a walk has found nothing since the engine became active, or since a gap.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Nodes of A that the present walk has looked at.
    pub fn on_a(&self) -> u64 {
        self.sweep.as_ref().map_or(0, |sweep| sweep.on_a)
    }

    /// Nodes that differed in the present walk.
    pub fn found(&self) -> u64 {
        self.sweep.as_ref().map_or(0, |sweep| sweep.found)
    }

    /// Starts with a first walk. `base`: where both sides were equal; `None` if they never were.
    pub fn begin(&mut self, base: Option<Base>) -> Option<Walked> {
        self.base = base;
        self.again()
    }

    /// Part of a side's history was not seen. The base of an earlier gap or of the start stays if no walk has settled since.
    pub fn gap(&mut self, base: Base) {
        self.base = self.base.or(Some(base));
    }

    /// Starts a walk from the beginning. Returns the one that is broken off.
    pub fn again(&mut self) -> Option<Walked> {
        self.settled = false;
        self.due = 0;
        self.over()
    }

    /// The next walk is due now.
    pub fn soon(&mut self) {
        self.due = 0;
    }

    /// What is planned has to arrive before the next walk, which would find nothing new.
    pub fn await_repairs(&mut self, duplex: &Duplex) {
        self.repaired = last_units(duplex);
    }

    /// Whether a walk may begin or go on.
    pub fn is_due(&self, duplex: &Duplex, now: u64, on_tick: bool) -> bool {
        let running = duplex.away_from(Side::A).is_running()
            && (!duplex.needs_a() || duplex.away_from(Side::B).is_running());
        let pending = duplex.away_from(Side::A).pending() + duplex.away_from(Side::B).pending();
        running
            && (on_tick || !self.settled)
            && now >= self.due
            && pending <= MOST_PENDING
            && has_arrived(duplex, self.repaired)
    }

    /// Looks at the next nodes, up to so many. True once it has seen both trees.
    pub fn look(
        &mut self,
        duplex: &mut Duplex,
        both: Both<'_>,
        looks: usize,
        now: u64,
        news: &mut Vec<News>,
    ) -> bool {
        let (base, settled) = (self.base, self.settled);
        let sweep = self.sweep.get_or_insert_with(|| {
            self.begun = now;
            tracing::debug!(settled, ?base, "a walk through both trees begins");
            Sweep::new(base)
        });
        sweep.step(duplex, both, looks, news)
    }

    /// Looks again at the nodes that had a change on its way, and ends the walk when none is left. What was on its way at its
    /// end arrives, however long that takes. Nodes that are written all the time are left to the next walk after a while.
    pub fn end(
        &mut self,
        duplex: &mut Duplex,
        both: Both<'_>,
        now: u64,
        on_tick: bool,
        news: &mut Vec<News>,
    ) -> Option<Walked> {
        let sweep = self.sweep.as_mut()?;
        let is_done = (on_tick || self.settled) && sweep.look_again(duplex, both, news);
        let under_way = *self.under_way.get_or_insert_with(|| last_units(duplex));
        if !is_done && !has_arrived(duplex, under_way) {
            return None;
        }
        if !is_done && now < *self.busy_until.get_or_insert(now + PATIENCE) {
            return None;
        }
        let mut walked = self.over()?;
        tracing::debug!(?walked, "a walk through both trees has ended");
        if walked.found > 0 {
            self.await_repairs(duplex);
            self.due = 0;
            return Some(walked);
        }
        walked.settles = !self.settled;
        self.settled = true;
        self.base = None;
        duplex.compared();
        self.due = now + PAUSE.max((now - self.begun) * SHARE);
        Some(walked)
    }

    fn over(&mut self) -> Option<Walked> {
        (self.under_way, self.busy_until) = (None, None);
        let sweep = self.sweep.take()?;
        Some(Walked {
            looked: sweep.looked,
            found: sweep.found,
            left: sweep.left(),
            settles: false,
        })
    }
}

/// The last unit of each direction.
pub(super) fn last_units(duplex: &Duplex) -> [u64; 2] {
    [Side::A, Side::B].map(|from| duplex.away_from(from).last_unit())
}

/// Whether those are on the other side.
pub(super) fn has_arrived(duplex: &Duplex, [from_a, from_b]: [u64; 2]) -> bool {
    duplex.away_from(Side::A).is_done(from_a)
        && (!duplex.needs_a() || duplex.away_from(Side::B).is_done(from_b))
}
