//! A stat in as few bytes as nearly all of them need.

use crate::record::{NodeStat, Zxid};

/// Of a node that has no owner, whose list was never set, and whose times are after 1970 and before the year 10889.
/// Bytes, so that nothing is lost between the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    czxid: [u8; 8],
    mzxid: [u8; 8],
    pzxid: [u8; 8],
    ctime: [u8; 6],
    mtime: [u8; 6],
    version: i32,
    cversion: i32,
}

/// No time that fits.
const NEVER: [u8; 6] = [u8::MAX; 6];

fn pack(time: i64) -> Option<[u8; 6]> {
    let [bytes @ .., 0, 0] = time.to_le_bytes() else {
        return None;
    };
    (bytes != NEVER).then_some(bytes)
}

fn unpack([a, b, c, d, e, f]: [u8; 6]) -> i64 {
    i64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

impl Packed {
    /// Zeros.
    pub(super) const BLANK: Self = Self {
        czxid: [0; 8],
        mzxid: [0; 8],
        pzxid: [0; 8],
        ctime: [0; 6],
        mtime: [0; 6],
        version: 0,
        cversion: 0,
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
            czxid: stat.czxid.0.to_le_bytes(),
            mzxid: stat.mzxid.0.to_le_bytes(),
            pzxid: stat.pzxid.0.to_le_bytes(),
            ctime: pack(stat.ctime)?,
            mtime: pack(stat.mtime)?,
            version: stat.version,
            cversion: stat.cversion,
        })
    }

    /// Nothing if it is somewhere else.
    pub(super) fn stat(&self) -> Option<NodeStat> {
        let zxid = |bytes| Zxid(i64::from_le_bytes(bytes));
        (self.ctime != NEVER).then(|| NodeStat {
            czxid: zxid(self.czxid),
            mzxid: zxid(self.mzxid),
            pzxid: zxid(self.pzxid),
            ctime: unpack(self.ctime),
            mtime: unpack(self.mtime),
            version: self.version,
            cversion: self.cversion,
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

    proptest! {
        /// What fits comes out as it went in, and what is usual fits.
        #[test]
        fn nothing_is_lost(
            zxids in any::<[i64; 3]>(),
            times in [number(), number()],
            counters in any::<[i32; 2]>(),
            aversion in prop_oneof![Just(0), any::<i32>()],
            ephemeral_owner in number(),
        ) {
            let [czxid, mzxid, pzxid] = zxids.map(Zxid);
            let ([ctime, mtime], [version, cversion]) = (times, counters);
            let stat = NodeStat { czxid, mzxid, pzxid, ctime, mtime, version, cversion, aversion, ephemeral_owner };
            let usual = |time: i64| (0..(1 << 48) - 1).contains(&time);
            let fits = usual(ctime) && usual(mtime) && aversion == 0 && ephemeral_owner == 0;
            prop_assert_eq!(Packed::new(&stat).and_then(|packed| packed.stat()), fits.then_some(stat));
        }
    }

    #[test]
    fn constants_are_what_they_say() {
        assert_eq!(Packed::ELSEWHERE.stat(), None);
        assert_eq!(Packed::BLANK.stat(), Some(NodeStat::default()));
    }
}
