//! What a user wants of a running engine. Can change while it runs; kept in the target, so that a standby wants the same.

mod accept;
mod route;
mod validate;

use std::time::Duration;

pub use accept::accept;
pub use route::UnknownWord;
pub use validate::validate;

use serde::{Deserialize, Serialize};

/// One of the two ensembles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The source of a migration.
    A,
    /// Its target.
    B,
}

impl Side {
    /// The opposite one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// Which side writes below a root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A writes, B follows.
    #[default]
    AToB,
    /// B writes, A follows.
    BToA,
    /// Both may write.
    Both,
}

impl Direction {
    /// Whether what clients of a side write is carried to the other one.
    #[must_use]
    pub fn carries_from(self, side: Side) -> bool {
        match self {
            Self::AToB => side == Side::A,
            Self::BToA => side == Side::B,
            Self::Both => true,
        }
    }
}

/// A subtree and the way it is kept equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Root on A; "/" is everything.
    pub root: String,
    /// Root on B, usually the same.
    pub target_root: String,
    /// Who writes.
    pub direction: Direction,
}

/// Who wins when both sides changed the same node, or the side that follows was written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The side that owns the subtree; where both do, A.
    #[default]
    SourceWins,
    /// The later change, by its `mtime`.
    LastWriteWins,
    /// Nobody: both values stay, the path is frozen until a person decides.
    Manual,
}

/// Whether the engine works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It does.
    #[default]
    Run,
    /// It follows both sides and writes nothing.
    Pause,
    /// It ends, and no standby takes over.
    Stop,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Settings {
    /// Rises with each change; an older one is refused.
    pub generation: u64,
    /// Whether it works.
    pub mode: Mode,
    /// What is kept equal.
    pub routes: Vec<Route>,
    /// Subtrees of A that are left out.
    pub exclude: Vec<String>,
    /// Who wins.
    pub conflict_resolution: Strategy,
    /// Most changes in one request.
    pub batch_size: usize,
    /// Requests that may be on their way to a side at once; more where the link is long.
    pub workers: usize,
    /// Znodes a second while the target is filled; no limit by default.
    pub rate_limit: Option<u32>,
    /// A lag above this (95th percentile) is an alert.
    #[serde(rename = "lag_threshold_ms", with = "millis")]
    pub lag_threshold: Duration,
    /// Conflicts a minute above this are an alert.
    pub conflict_threshold: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            generation: 1,
            mode: Mode::Run,
            routes: vec![Route {
                root: "/".to_owned(),
                target_root: "/".to_owned(),
                direction: Direction::AToB,
            }],
            exclude: Vec::new(),
            conflict_resolution: Strategy::SourceWins,
            batch_size: 200,
            workers: 2,
            rate_limit: None,
            lag_threshold: Duration::from_millis(100),
            conflict_threshold: 10,
        }
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
