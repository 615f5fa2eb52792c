//! The two ensembles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two ensembles. Where a path is replicated backwards, the target's changes flow to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// A: where the data was first.
    Source,
    /// B: where it goes.
    Target,
}

impl Side {
    /// The other ensemble.
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}
