//! What a user wants of a running engine. Settings can change while it runs, and are stored in the target, where a
//! standby finds them.

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
    /// The other side.
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

/// The side that writes below a root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A writes and B follows.
    #[default]
    AToB,
    /// B writes and A follows.
    BToA,
    /// Both sides write.
    Both,
}

impl Direction {
    /// Whether clients' changes on a side are carried to the other side.
    #[must_use]
    pub fn carries_from(self, side: Side) -> bool {
        match self {
            Self::AToB => side == Side::A,
            Self::BToA => side == Side::B,
            Self::Both => true,
        }
    }
}

/// A subtree and how it is kept equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its root on A; "/" is the whole tree.
    pub root: String,
    /// Its root on B, usually the same.
    pub target_root: String,
    /// The side that writes it.
    pub direction: Direction,
}

/// Decides who wins when both sides have changed a node, or when a client wrote on the side that follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The side that writes wins; where both write, A wins.
    #[default]
    SourceWins,
    /// The later change wins, by its `mtime`.
    LastWriteWins,
    /// Nobody wins: both values stay, and the path is frozen until a person decides.
    Manual,
}

/// Whether the engine writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It follows and writes.
    #[default]
    Run,
    /// It follows both sides and writes nothing.
    Pause,
    /// It ends, and no standby takes over.
    Stop,
}

/// All settings of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", default)]
pub struct Settings {
    /// Number that rises with each change. Settings with an older number are refused.
    pub generation: u64,
    /// Whether the engine writes.
    pub mode: Mode,
    /// What is kept equal.
    pub routes: Vec<Route>,
    /// Subtrees of A that are left out.
    pub exclude: Vec<String>,
    /// Decides who wins a conflict.
    pub conflict_resolution: Strategy,
    /// Most changes in one request.
    pub batch_size: usize,
    /// Requests that may be on their way to a side at once. More are used where the link is long.
    pub workers: usize,
    /// Most znodes a second while the target is filled; `None` means no limit.
    pub rate_limit: Option<u32>,
    /// A higher lag (95th percentile) raises an alert.
    #[serde(rename = "lag_threshold_ms", with = "millis")]
    pub lag_threshold: Duration,
    /// More conflicts a minute raise an alert.
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
