//! How others talk to a running engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::settings::{Mode, Settings, Side};
use crate::status::Status;

/// A node that differs between the sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The node, as A names it.
    pub path: String,
    /// `node` when one side does not have it, else `data`, `acl`, `owner`, `version`, `cversion`, `aversion`.
    pub field: String,
    /// What A has.
    pub a: String,
    /// What B has.
    pub b: String,
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffReport {
    /// Nodes compared.
    pub compared: u64,
    /// Nodes that differ.
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// Position of A at which they were compared.
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
    /// Who won; none while the path is frozen.
    pub winner: Option<Side>,
    /// The session that wrote last.
    pub session: String,
    /// Position of the transaction that met the other one.
    pub zxid: String,
}

/// A command cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// CamelCase, such as `NotFrozen`.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Where an answer goes.
pub type Answer<T> = oneshot::Sender<Result<T, Refused>>;

/// What an engine can be asked to do.
#[derive(Debug)]
pub enum Command {
    /// Follow these settings; answers with the generation once they are stored in the target.
    Configure(Box<Settings>, Answer<u64>),
    /// Compare both sides, after everything that was committed before on a side that writes is on the other.
    Diff {
        /// Most differences to name.
        limit: usize,
        /// The report.
        answer: Answer<DiffReport>,
    },
    /// Decide a frozen path: this side's node is written to the other one.
    Resolve {
        /// The path, as A names it.
        path: String,
        /// Whose value stays.
        keep: Side,
        /// Done once it is written.
        answer: Answer<()>,
    },
    /// The last conflicts, newest first.
    Conflicts {
        /// Most of them.
        limit: usize,
        /// They.
        answer: Answer<Vec<ConflictRecord>>,
    },
    /// Wait until everything that was committed before now on a side that writes is on the other; answers with A's position,
    /// or B's where only B writes.
    Barrier(Answer<String>),
}

impl Command {
    /// What a trace calls it; `now` are the settings that it may change.
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
    /// What it says of itself, a few times a second.
    pub status: watch::Receiver<Arc<Status>>,
    /// What it is asked.
    pub commands: mpsc::Sender<Command>,
}
