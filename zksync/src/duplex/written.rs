//! Remembers which transactions of a side engines of this name have made; the others were made by clients.

use std::collections::VecDeque;

use mesolith_zk::record::Zxid;

use crate::settings::Side;

/// Most transactions that are remembered. Those before the oldest one count as not seen.
const MOST: usize = 10_000;

/// The transactions of one side.
#[derive(Debug)]
struct Written {
    /// Every transaction after this position was seen.
    since: Zxid,
    /// Transactions of engines, in order.
    engines: VecDeque<Zxid>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            since: Zxid(i64::MAX),
            engines: VecDeque::new(),
        }
    }
}

/// The transactions of both sides.
#[derive(Debug, Default)]
pub(super) struct Writers {
    a: Written,
    b: Written,
}

impl Writers {
    fn of(&mut self, side: Side) -> &mut Written {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// Every transaction of a side after this position was seen, or will be.
    pub(super) fn see_since(&mut self, side: Side, since: Zxid) {
        self.of(side).since = since;
    }

    /// An engine has made a transaction on a side.
    pub(super) fn engine_wrote(&mut self, side: Side, zxid: Zxid) {
        let written = self.of(side);
        written.engines.push_back(zxid);
        if written.engines.len() > MOST
            && let Some(forgotten) = written.engines.pop_front()
        {
            written.since = written.since.max(forgotten);
        }
    }

    /// Whether an engine has made a transaction; `None` if it was not seen.
    pub(super) fn is_engines(&self, side: Side, zxid: Zxid) -> Option<bool> {
        let written = match side {
            Side::A => &self.a,
            Side::B => &self.b,
        };
        if written.engines.binary_search(&zxid).is_ok() {
            return Some(true);
        }
        (zxid > written.since).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_seen_is_nobodys() {
        let mut writers = Writers::default();
        writers.engine_wrote(Side::A, Zxid(5));
        assert_eq!(writers.is_engines(Side::A, Zxid(5)), Some(true));
        assert_eq!(writers.is_engines(Side::A, Zxid(6)), None);
        assert_eq!(writers.is_engines(Side::B, Zxid(5)), None);
        writers.see_since(Side::A, Zxid(4));
        assert_eq!(writers.is_engines(Side::A, Zxid(4)), None);
        assert_eq!(writers.is_engines(Side::A, Zxid(6)), Some(false));
        for zxid in 0..MOST as i64 {
            writers.engine_wrote(Side::A, Zxid(10 + 2 * zxid));
        }
        // The oldest transaction was forgotten, so nobody knows who made those before.
        assert_eq!(writers.is_engines(Side::A, Zxid(5)), None);
        assert_eq!(writers.is_engines(Side::A, Zxid(6)), Some(false));
        assert_eq!(writers.is_engines(Side::A, Zxid(12)), Some(true));
        assert_eq!(writers.is_engines(Side::A, Zxid(13)), Some(false));
    }
}
