//! Sets of integers as inclusive ranges, as Mesos writes ports.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An inclusive range; `begin <= end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    /// First value.
    pub begin: u64,
    /// Last value.
    pub end: u64,
}

/// Text that is not a list of ranges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// No `[a-b, c-d]`.
    #[error("'{text}' is not a list of ranges; write it as [31000-32000, 33000-33010]")]
    ParseRanges {
        /// What was given.
        text: String,
    },
    /// The first value is above the last.
    #[error("range {begin}-{end} ends before it begins")]
    Reversed {
        /// First value.
        begin: u64,
        /// Last value.
        end: u64,
    },
}

/// A set of integers, kept sorted, disjoint and as few ranges as possible, so that equal sets compare equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Vec<Range>", into = "Vec<Range>")]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// The integers from `begin` to `end`, both included; nothing when `end < begin`.
    #[must_use]
    pub fn of(begin: u64, end: u64) -> Self {
        Self::from(vec![Range { begin, end }])
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    /// Whether there is no integer in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many integers are in it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0
            .iter()
            .fold(0u64, |n, r| n.saturating_add((r.end - r.begin).saturating_add(1)))
    }

    /// Every integer, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|r| r.begin..=r.end)
    }

    /// Whether `value` is in it.
    #[must_use]
    pub fn has(&self, value: u64) -> bool {
        self.0.iter().any(|r| r.begin <= value && value <= r.end)
    }

    /// Whether every integer of `other` is in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        // Both sides are coalesced, so a contained range lies within one of ours.
        other
            .0
            .iter()
            .all(|o| self.0.iter().any(|r| r.begin <= o.begin && o.end <= r.end))
    }

    /// All integers of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from([self.0.as_slice(), other.0.as_slice()].concat())
    }

    /// The integers that are in `self` and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for range in &self.0 {
            let mut begin = Some(range.begin);
            for hole in other
                .0
                .iter()
                .filter(|h| h.begin <= range.end && range.begin <= h.end)
            {
                let Some(from) = begin else { break };
                if from < hole.begin {
                    left.push(Range {
                        begin: from,
                        end: hole.begin - 1,
                    });
                }
                begin = hole.end.checked_add(1).filter(|next| *next <= range.end);
            }
            left.extend(begin.map(|begin| Range {
                begin,
                end: range.end,
            }));
        }
        Self(left)
    }
}

impl From<Vec<Range>> for Ranges {
    fn from(mut ranges: Vec<Range>) -> Self {
        ranges.retain(|r| r.begin <= r.end);
        ranges.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.begin <= last.end.saturating_add(1) => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl From<Ranges> for Vec<Range> {
    fn from(ranges: Ranges) -> Self {
        ranges.0
    }
}

impl FromIterator<u64> for Ranges {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        Self::from(
            values
                .into_iter()
                .map(|v| Range { begin: v, end: v })
                .collect::<Vec<_>>(),
        )
    }
}

impl FromStr for Ranges {
    type Err = RangesError;

    fn from_str(text: &str) -> Result<Self, RangesError> {
        let bad = || RangesError::ParseRanges {
            text: text.trim().to_owned(),
        };
        let inner = text
            .trim()
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .ok_or_else(bad)?
            .trim();
        if inner.is_empty() {
            return Ok(Self::default());
        }
        let mut ranges = Vec::new();
        for part in inner.split(',') {
            let (begin, end) = part.split_once('-').ok_or_else(bad)?;
            let number = |t: &str| t.trim().parse::<u64>().map_err(|_| bad());
            let (begin, end) = (number(begin)?, number(end)?);
            if end < begin {
                return Err(RangesError::Reversed { begin, end });
            }
            ranges.push(Range { begin, end });
        }
        Ok(Self::from(ranges))
    }
}

impl std::fmt::Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> = self.0.iter().map(|r| format!("{}-{}", r.begin, r.end)).collect();
        write!(f, "[{}]", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_overlaps_become_one() {
        let ranges: Ranges = "[5-6, 1-2, 3-4, 10-12, 11-20]".parse().unwrap();
        assert_eq!(ranges.to_string(), "[1-6, 10-20]");
        assert_eq!(ranges.len(), 17);
    }

    #[test]
    fn difference_cuts_holes() {
        let all = Ranges::of(1, 10);
        assert_eq!(
            all.difference(&"[1-1, 4-5, 10-11]".parse().unwrap()).to_string(),
            "[2-3, 6-9]"
        );
        assert_eq!(all.difference(&Ranges::of(0, u64::MAX)), Ranges::default());
        assert_eq!(
            Ranges::of(0, u64::MAX)
                .difference(&Ranges::of(5, u64::MAX))
                .to_string(),
            "[0-4]"
        );
    }

    #[test]
    fn what_is_not_ranges_is_refused() {
        for text in ["31000-32000", "[31000]", "[a-b]", "[2-1]", "[1-2"] {
            assert!(text.parse::<Ranges>().is_err(), "{text}");
        }
    }
}
