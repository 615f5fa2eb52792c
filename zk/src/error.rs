//! Errors between this process and the ensemble.

/// A failed ZooKeeper operation.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The `zk://` string cannot be used.
    #[error(
        "invalid ZooKeeper address '{address}': {problem}; expected zk://[user:password@]host:port[,host:port...]/path"
    )]
    ParseAddress {
        /// The address without its password.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No server gave us a session.
    #[error(
        "cannot reach ZooKeeper at {servers}: {cause}. Are the servers up, and does a majority of them see each other?"
    )]
    Connect {
        /// The servers that were tried.
        servers: String,
        /// The client's error.
        cause: String,
    },
    /// A call was not answered in time; the session may be between two servers.
    #[error("ZooKeeper did not answer {call} within {seconds} s")]
    Timeout {
        /// Name of the call.
        call: String,
        /// The time limit.
        seconds: u64,
    },
    /// A call was refused, or the connection broke.
    #[error("ZooKeeper refused {call}: {cause}")]
    Call {
        /// Name of the call.
        call: String,
        /// The error of the server or the client.
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
        /// Path of the candidate's node.
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
    /// A server did not answer a four-letter word.
    #[error("{server} did not answer '{word}': {cause}")]
    FourLetter {
        /// Address of the server.
        server: String,
        /// The word.
        word: &'static str,
        /// The cause.
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
