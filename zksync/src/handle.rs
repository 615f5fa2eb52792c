//! The interface through which the rest of the program talks to a running engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::settings::{Mode, Settings, Side};
use crate::status::Status;

/// One field of a node in which the sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The node, as A names it.
    pub path: String,
    /// `node` when one side does not have it, else `data`, `acl`, `owner`, `version`, `cversion`, `aversion`.
    pub field: String,
    /// The value on A.
    pub a: String,
    /// The value on B.
    pub b: String,
}

/// The result of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffReport {
    /// Number of nodes that were compared.
    pub compared: u64,
    /// Number of nodes that differ.
    pub different: u64,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// Position of A at the time of the comparison.
    pub zxid: String,
}

/// A conflict as it is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictRecord {
    /// When the engine saw it, RFC 3339.
    pub time: String,
    /// The node, as A names it.
    pub path: String,
    /// What happened on which side.
    pub message: String,
    /// Data on A, base64; none if the node was not there.
    pub a: Option<String>,
    /// Data on B.
    pub b: Option<String>,
    /// The side that has won; `None` while the path is frozen.
    pub winner: Option<Side>,
    /// The session that wrote last.
    pub session: String,
    /// Position of the later transaction.
    pub zxid: String,
}

/// The engine has refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// CamelCase, such as `NotFrozen`.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// The channel for the answer to a command.
pub type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// A command to an engine.
#[derive(Debug)]
pub enum Command {
    /// Follow these settings. The answer is their generation, sent once they are stored in the target.
    Configure(Box<Settings>, Answer<u64>),
    /// Compare both sides. The comparison waits until everything that was committed before, on a side that writes, is
    /// on the other side.
    Diff {
        /// Most differences to name.
        limit: usize,
        /// The result of the comparison.
        answer: Answer<DiffReport>,
    },
    /// Decide a frozen path: the node of this side is written to the other side.
    Resolve {
        /// The path, as A names it.
        path: String,
        /// The side whose value stays.
        keep: Side,
        /// Sent once the node is written.
        answer: Answer<()>,
    },
    /// Ask for the latest conflicts, newest first.
    Conflicts {
        /// Most conflicts to return.
        limit: usize,
        /// The conflicts.
        answer: Answer<Vec<ConflictRecord>>,
    },
    /// Wait until everything that was committed before now, on a side that writes, is on the other side. The answer
    /// is A's position, or B's if only B writes.
    Barrier(Answer<String>),
}

impl Command {
    /// Name of the command in traces. `now` are the present settings, which tell what the command would change.
    #[must_use]
    pub fn name(&self, now: &Settings) -> &'static str {
        match self {
            Self::Configure(wanted, _) if wanted.mode == Mode::Stop => "stop",
            Self::Configure(wanted, _) if wanted.routes != now.routes => "switch",
            Self::Configure(..) => "configure",
            Self::Diff { .. } => "diff",
            Self::Resolve { .. } => "resolve",
            Self::Conflicts { .. } => "conflicts",
            Self::Barrier(_) => "barrier",
        }
    }
}

/// A running engine.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The engine's status, published a few times a second.
    pub status: watch::Receiver<Arc<Status>>,
    /// Commands to the engine.
    pub commands: mpsc::Sender<Command>,
}
