//! What can fail for a while.

use crate::key::ObjectKey;
use crate::outcome::{Transient, is_conflict};
use mesolith_crds::Reason;

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
    fn reason(&self) -> Reason {
        match self {
            Error::WriteFinalizer(_) => Reason::WriteFinalizer,
            Error::WriteStatus(_) => Reason::WriteStatus,
            Error::WriteFrameworkId(_) => Reason::WriteFrameworkId,
            Error::FindCluster(_) => Reason::FindCluster,
            Error::StartScheduler(_) => Reason::StartScheduler,
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
