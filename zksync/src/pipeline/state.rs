//! How far a direction is.

use mesolith_zk::record::Zxid;

use super::outside::{Counters, Identity};
use super::{Flow, Pipeline};

impl Pipeline {
    /// Whether the target was filled once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The units that are not in the target yet.
    pub fn pending(&self) -> usize {
        self.units.len()
    }

    /// When the first of them was seen, in microseconds of the caller's clock, of those for which it is measured.
    pub fn waiting_since(&self) -> Option<u64> {
        self.units.iter().map(|unit| unit.at).find(|at| *at > 0)
    }

    /// Number of the last unit, for [`Pipeline::is_done`].
    pub fn last_unit(&self) -> u64 {
        self.number
    }

    /// Whether this unit and all before it are in the target.
    pub fn is_done(&self, unit: u64) -> bool {
        self.units.front().is_none_or(|first| first.number > unit)
    }

    /// Whether everything seen of the source is in the target.
    pub fn is_idle(&self) -> bool {
        self.units.is_empty() && self.sent.is_empty()
    }

    /// Whether it may write.
    pub fn is_running(&self) -> bool {
        self.flow == Flow::Running
    }

    /// The last position of the source that the target has.
    pub fn applied(&self) -> Zxid {
        if self.is_idle() {
            self.passed()
        } else {
            self.applied
        }
    }

    /// The last position seen of the source.
    pub fn seen(&self) -> Zxid {
        self.seen
    }

    /// The last position of the source that was looked at, by this engine or the one before, including the engine's own writes
    /// there.
    pub fn passed(&self) -> Zxid {
        self.seen.max(self.written).max(self.reached)
    }

    /// What has been done.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Who writes to the target.
    pub fn identity(&self) -> &Identity {
        &self.me
    }

    /// Whether a `cxid` belongs to this engine, in this run or an earlier one.
    pub fn is_own(&self, cxid: i32) -> bool {
        cxid.to_be_bytes()[0] == self.me.tag
    }
}
