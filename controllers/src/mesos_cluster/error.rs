//! What can fail for a while.

use crate::nodes::{self, CredentialsError};
use crate::outcome::{Transient, is_conflict};
use mesolith_crds::Reason;

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Cluster CA or operator certificate.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Finalizer.
    #[error("failed to write the finalizer")]
    WriteFinalizer(#[source] kube::Error),
    /// Status.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
    /// A node did not do what it was told.
    #[error(transparent)]
    CallNode(#[from] nodes::Error),
    /// The leading master did not do what it was told.
    #[error("the master did not do {call}: {cause}")]
    TellMaster {
        /// Type of the call.
        call: String,
        /// Its answer, or why there was none.
        cause: String,
    },
}

impl Transient for Error {
    fn reason(&self) -> Reason {
        match self {
            Error::Credentials(error) => error.reason(),
            Error::WriteFinalizer(_) => Reason::WriteFinalizer,
            Error::WriteStatus(_) => Reason::WriteStatus,
            Error::CallNode(_) => Reason::CallNode,
            Error::TellMaster { .. } => Reason::TellMaster,
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteFinalizer(error) | Error::WriteStatus(error) => is_conflict(error),
            Error::Credentials(error) => error.is_conflict(),
            Error::CallNode(_) | Error::TellMaster { .. } => false,
        }
    }
}
