//! Whether what was committed on one side by some time is on the other side: what a barrier waits for. Pure.

use mesolith_zk::record::Zxid;

use super::Duplex;
use super::rounds::{has_arrived, last_units};
use crate::settings::Side;

/// Waits for everything up to a position of a side.
#[derive(Debug)]
pub struct Arrival {
    side: Side,
    at: Zxid,
    /// When the position was known, in microseconds of the caller's clock.
    asked: u64,
    /// What has to arrive once the position has passed, since changes of one position may come in several units.
    units: Option<[u64; 2]>,
}

impl Arrival {
    /// Of everything that the engine has seen of a side up to a position.
    pub fn of(side: Side, at: Zxid, now: u64) -> Self {
        Self {
            side,
            at,
            asked: now,
            units: None,
        }
    }

    /// The side whose changes have to arrive.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The position.
    pub fn at(&self) -> Zxid {
        self.at
    }

    /// Whether all of it has arrived, but for what the other side refuses.
    pub fn is_over(&mut self, duplex: &Duplex, now: u64) -> bool {
        if duplex.away_from(self.side).applied() < self.at || duplex.owes(self.asked, now) {
            return false;
        }
        let units = *self.units.get_or_insert_with(|| last_units(duplex));
        has_arrived(duplex, units)
    }
}
