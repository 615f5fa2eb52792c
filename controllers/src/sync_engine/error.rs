//! Why an engine did not do what it was asked.

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
    #[error("{message}")]
    Refused {
        /// CamelCase, such as `NodesRefused`.
        reason: String,
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
    /// CamelCase, for conditions.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unreachable(_) => "SyncEngineUnreachable",
            Self::NoneActive(_) => "WaitingForSyncEngine",
            Self::Refused { reason, .. } => reason,
            Self::TimedOut { .. } => "SyncEngineTimedOut",
            Self::Answer { .. } => "SyncEngineAnswer",
        }
    }
}
