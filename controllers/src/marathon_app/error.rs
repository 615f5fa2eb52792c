//! What can fail for a while.

use crate::key::ObjectKey;
use crate::outcome::{Transient, is_conflict};

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Finalizer.
    #[error("failed to write the finalizer")]
    WriteFinalizer(#[source] kube::Error),
    /// Status.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
    /// The framework id of the cluster.
    #[error("failed to put the framework id on record")]
    WriteFrameworkId(#[source] kube::Error),
    /// The cluster that is to keep the framework id.
    #[error("MesosCluster {0} is gone, so that it cannot keep a framework id")]
    FindCluster(ObjectKey),
    /// HTTP client of the scheduler.
    #[error("failed to start the scheduler")]
    StartScheduler(#[source] reqwest::Error),
}

impl Transient for Error {
    fn reason(&self) -> &'static str {
        match self {
            Error::WriteFinalizer(_) => "WriteFinalizer",
            Error::WriteStatus(_) => "WriteStatus",
            Error::WriteFrameworkId(_) => "WriteFrameworkId",
            Error::FindCluster(_) => "FindCluster",
            Error::StartScheduler(_) => "StartScheduler",
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteFinalizer(error) | Error::WriteStatus(error) | Error::WriteFrameworkId(error) => {
                is_conflict(error)
            }
            Error::FindCluster(_) | Error::StartScheduler(_) => false,
        }
    }
}
