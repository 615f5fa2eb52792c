//! Why an engine did not do what it was asked.

use mesolith_crds::Reason;

/// A call had no result. Each has a reason for conditions, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// No engine answers.
    #[error("no sync engine answers: {0}")]
    Unreachable(String),
    /// Engines answer, and none of them is active.
    #[error("no sync engine is active yet: {0}")]
    NoneActive(String),
    /// The engine has refused, and says why and what to do.
    #[error("{word}: {message}")]
    Refused {
        /// The engine's own reason, CamelCase, such as `NodesRefused`.
        word: String,
        /// The sentence.
        message: String,
    },
    /// It did not answer within the limit that the caller gave. It may still do what it was asked.
    #[error("the sync engine on {node} did not answer within {seconds} s")]
    TimedOut {
        /// Node of the engine.
        node: String,
        /// The limit.
        seconds: u64,
    },
    /// The answer makes no sense.
    #[error("the sync engine on {node} answered {what}; is it of another version?")]
    Answer {
        /// Node of the engine.
        node: String,
        /// What was wrong.
        what: String,
    },
}

impl SyncError {
    /// For conditions.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_) => Reason::SyncEngineUnreachable,
            Self::NoneActive(_) => Reason::WaitingForSyncEngine,
            Self::Refused { .. } => Reason::SyncEngineRefused,
            Self::TimedOut { .. } => Reason::SyncEngineTimedOut,
            // A newer or older node agent.
            Self::Answer { .. } => Reason::VersionMismatch,
        }
    }

    /// The engine's own reason, if it has refused.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Refused { word, .. } => Some(word),
            _ => None,
        }
    }
}
