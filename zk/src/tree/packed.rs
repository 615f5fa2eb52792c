//! A stat in as few bytes as nearly all of them need.

use crate::record::{NodeStat, Zxid};

/// Of a node that has no owner, whose list was never set, whose positions are of epochs below 65,536, whose times are after
/// 1970 and before the year 10889, and that was changed less than 16,777,216 times. Bytes, so that nothing is lost between
/// the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    czxid: [u8; 6],
    mzxid: [u8; 6],
    pzxid: [u8; 6],
    ctime: [u8; 6],
    mtime: [u8; 6],
    version: [u8; 3],
    cversion: [u8; 3],
}

/// No time that fits.
const NEVER: [u8; 6] = [u8::MAX; 6];

/// Nothing if it does not fit.
fn pack<const N: usize>(value: i64) -> Option<[u8; N]> {
    let bytes = value.to_le_bytes();
    let (low, high) = bytes.split_first_chunk()?;
    high.iter().all(|byte| *byte == 0).then_some(*low)
}

fn unpack<const N: usize>(bytes: [u8; N]) -> i64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | i64::from(*byte))
}

impl Packed {
    /// Zeros.
    pub(super) const BLANK: Self = Self {
        czxid: [0; 6],
        mzxid: [0; 6],
        pzxid: [0; 6],
        ctime: [0; 6],
        mtime: [0; 6],
        version: [0; 3],
        cversion: [0; 3],
    };

    /// Says that the stat is somewhere else.
    pub(super) const ELSEWHERE: Self = Self {
        ctime: NEVER,
        ..Self::BLANK
    };

    /// Nothing if it does not fit.
    pub(super) fn new(stat: &NodeStat) -> Option<Self> {
        if stat.ephemeral_owner != 0 || stat.aversion != 0 {
            return None;
        }
        Some(Self {
            czxid: pack(stat.czxid.0)?,
            mzxid: pack(stat.mzxid.0)?,
            pzxid: pack(stat.pzxid.0)?,
            ctime: pack(stat.ctime).filter(|time| *time != NEVER)?,
            mtime: pack(stat.mtime)?,
            version: pack(stat.version.into())?,
            cversion: pack(stat.cversion.into())?,
        })
    }

    /// Nothing if it is somewhere else.
    pub(super) fn stat(&self) -> Option<NodeStat> {
        let zxid = |bytes| Zxid(unpack(bytes));
        // Three bytes always fit.
        let counter = |bytes: [u8; 3]| i32::try_from(unpack(bytes)).unwrap_or_default();
        (self.ctime != NEVER).then(|| NodeStat {
            czxid: zxid(self.czxid),
            mzxid: zxid(self.mzxid),
            pzxid: zxid(self.pzxid),
            ctime: unpack(self.ctime),
            mtime: unpack(self.mtime),
            version: counter(self.version),
            cversion: counter(self.cversion),
            aversion: 0,
            ephemeral_owner: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![Just(0), Just((1 << 48) - 1), 0..1i64 << 49, any::<i64>()]
    }

    fn counter() -> impl Strategy<Value = i32> {
        prop_oneof![Just((1 << 24) - 1), 0..1 << 25, any::<i32>()]
    }

    proptest! {
        /// What fits comes out as it went in, and what is usual fits.
        #[test]
        fn nothing_is_lost(
            zxids in [number(), number(), number()],
            times in [number(), number()],
            counters in [counter(), counter()],
            aversion in prop_oneof![9 => Just(0), 1 => any::<i32>()],
            ephemeral_owner in prop_oneof![9 => Just(0), 1 => number()],
        ) {
            let [czxid, mzxid, pzxid] = zxids.map(Zxid);
            let ([ctime, mtime], [version, cversion]) = (times, counters);
            let stat = NodeStat { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeral_owner };
            let of_six = zxids.iter().chain(&times).all(|value| (0..1 << 48).contains(value)) && ctime != (1 << 48) - 1;
            let of_three = counters.iter().all(|value| (0..1 << 24).contains(value));
            let fits = of_six && of_three && aversion == 0 && ephemeral_owner == 0;
            prop_assert_eq!(Packed::new(&stat).and_then(|packed| packed.stat()), fits.then_some(stat));
        }
    }

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(Packed::ELSEWHERE.stat(), None);
        assert_eq!(Packed::BLANK.stat(), Some(NodeStat::default()));
    }
}
