//! A part of the source's history that was not seen. Until both trees were compared, the target may lack changes from
//! before the checkpoint's position; the checkpoint says so to the next engine.

use mesolith_zk::record::Zxid;

use super::Pipeline;
use crate::checkpoint::Checkpoint;

/// Two positions of the source; what came between them was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    since: Zxid,
    until: Zxid,
}

impl Gap {
    /// Both, if there are two.
    fn join(before: Option<Self>, new: Self) -> Self {
        before.map_or(new, |before| Self {
            since: before.since.min(new.since),
            until: before.until.max(new.until),
        })
    }

    /// What is left of it once the writer of a checkpoint has seen everything up to there, but for a gap of its own.
    fn after(gap: Option<Self>, checkpoint: &Checkpoint) -> Option<Self> {
        let at = checkpoint.position();
        let left = gap.filter(|gap| gap.until > at).map(|gap| Self {
            since: gap.since.max(at),
            ..gap
        });
        let inherited = checkpoint.equal.map(|equal| Self {
            since: Zxid(equal),
            until: at,
        });
        match inherited {
            Some(inherited) => Some(Self::join(left, inherited)),
            None => left,
        }
    }
}

impl Pipeline {
    /// The source's history between two positions was not seen.
    pub fn missed(&mut self, since: Zxid, until: Zxid) {
        if until > since {
            self.gap = Some(Gap::join(self.gap, Gap { since, until }));
            self.unsaid = true;
        }
    }

    /// The target was filled, and both trees were compared; the next checkpoint says so.
    pub fn set_complete(&mut self) {
        if !self.complete || self.gap.is_some() {
            (self.complete, self.gap) = (true, None);
            self.unsaid = true;
        }
    }

    /// What another engine has written of a gap.
    pub(super) fn follow_gap(&mut self, checkpoint: &Checkpoint) {
        self.gap = Gap::after(self.gap, checkpoint);
    }

    /// Up to where both sides are equal, for a checkpoint at a position.
    pub(super) fn equal(&self, at: Zxid) -> Option<i64> {
        let gap = self.gap.filter(|gap| gap.since < at)?;
        Some(gap.since.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(zxid: i64, equal: Option<i64>) -> Checkpoint {
        Checkpoint {
            zxid,
            equal,
            ..Checkpoint::default()
        }
    }

    #[test]
    fn a_gap_closes_once_an_engine_that_saw_it_is_past_it() {
        let gap = |since, until| {
            Some(Gap {
                since: Zxid(since),
                until: Zxid(until),
            })
        };
        for (before, written, after) in [
            (None, checkpoint(7, None), None),
            (gap(5, 9), checkpoint(9, None), None),
            (gap(5, 9), checkpoint(7, None), gap(7, 9)),
            (gap(5, 9), checkpoint(3, None), gap(5, 9)),
            // The other one has a gap as well.
            (None, checkpoint(7, Some(2)), gap(2, 7)),
            (gap(5, 9), checkpoint(7, Some(2)), gap(2, 9)),
            (gap(5, 9), checkpoint(12, Some(2)), gap(2, 12)),
        ] {
            assert_eq!(Gap::after(before, &written), after, "{before:?} {written:?}");
        }
    }
}
