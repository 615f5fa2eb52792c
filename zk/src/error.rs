//! What can go wrong between this process and the ensemble.

/// A failed ZooKeeper operation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The `zk://` string cannot be used.
    #[error(
        "invalid ZooKeeper address '{address}': {problem}; expected zk://[user:password@]host:port[,host:port...]/path"
    )]
    ParseAddress {
        /// The string, without its password.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No server gave us a session.
    #[error(
        "cannot reach ZooKeeper at {servers}: {cause}. Are the servers up, and does a majority of them see each other?"
    )]
    Connect {
        /// Servers tried.
        servers: String,
        /// What the client said.
        cause: String,
    },
    /// A call was not answered in time; the session may be between two servers.
    #[error("ZooKeeper did not answer {call} within {seconds} s")]
    Timeout {
        /// The call.
        call: String,
        /// The limit.
        seconds: u64,
    },
    /// A call was refused or broke.
    #[error("ZooKeeper refused {call}: {cause}")]
    Call {
        /// The call.
        call: String,
        /// What the server or client said.
        cause: String,
    },
    /// The session is over and its ephemeral nodes with it.
    #[error("the ZooKeeper session ended ({state})")]
    SessionEnded {
        /// Last state of the session.
        state: String,
    },
    /// Somebody removed the candidate's znode.
    #[error("the candidate's znode {path} is gone")]
    CandidateGone {
        /// Path of the node.
        path: String,
    },
    /// A candidate's node does not hold a MasterInfo.
    #[error("cannot read the master in {path}: {cause}")]
    ParseMasterInfo {
        /// Path of the node.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// A four-letter word was not answered.
    #[error("{server} did not answer '{word}': {cause}")]
    FourLetter {
        /// host:port asked.
        server: String,
        /// The word.
        word: &'static str,
        /// What happened.
        cause: String,
    },
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ParseAddress { .. } => "InvalidZooKeeperAddress",
            Self::Connect { .. } => "ZooKeeperUnreachable",
            Self::Timeout { .. } => "ZooKeeperTimeout",
            Self::Call { .. } => "ZooKeeperCallFailed",
            Self::SessionEnded { .. } => "ZooKeeperSessionEnded",
            Self::CandidateGone { .. } => "CandidateGone",
            Self::ParseMasterInfo { .. } => "InvalidMasterInfo",
            Self::FourLetter { .. } => "ZooKeeperServerSilent",
        }
    }
}
