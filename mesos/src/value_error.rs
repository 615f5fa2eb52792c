//! What may be wrong with a text that is to be a value.

use crate::ranges::RangesError;

/// Text that is not the value it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a number.
    #[error("'{text}' is not a number")]
    ParseScalar {
        /// What was given.
        text: String,
    },
    /// Not a list of ranges.
    #[error(transparent)]
    ParseRanges(#[from] RangesError),
    /// Not a set.
    #[error("'{text}' is not a set; write it as {{a,b}}")]
    ParseSet {
        /// What was given.
        text: String,
    },
    /// No value at all.
    #[error("the value is empty")]
    Empty,
}
