//! Why a process could not be launched, adopted or stopped.

use std::io;
use std::path::PathBuf;

/// One variant per failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime directory cannot be prepared.
    #[error("failed to prepare the runtime directory {path}")]
    PrepareDirectory {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Another process still runs from the same runtime directory.
    #[error("a process launched from {path} still runs: adopt it or stop it first")]
    AlreadyRunning {
        /// The runtime directory.
        path: PathBuf,
    },
    /// Our own executable could not be started as the shim.
    #[error("failed to start the process shim {program}")]
    StartShim {
        /// What was executed.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The shim ended without saying why.
    #[error("the process shim for {id} ended without a word; the system log may tell (out of memory?)")]
    ShimDied {
        /// [`crate::Spec::id`].
        id: String,
    },
    /// The program does not exist.
    #[error("program not found: {program}")]
    ProgramNotFound {
        /// The program as it was asked for.
        program: String,
    },
    /// A step between fork and exec failed.
    #[error("failed to {step}: {message}")]
    Prepare {
        /// What was tried, e.g. `enter the working directory /x`.
        step: String,
        /// The system's words.
        message: String,
    },
    /// A record in the runtime directory is not readable.
    #[error("failed to read {path}")]
    ReadRecord {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A signal could not be sent.
    #[error("failed to signal process {pid}: {errno}")]
    Signal {
        /// The process.
        pid: u32,
        /// The system's error.
        errno: nix::errno::Errno,
    },
    /// SIGKILL did not end it within the time allowed (uninterruptible sleep, a hanging disk or mount).
    #[error(
        "process {pid} did not end after SIGKILL; it is probably stuck in the kernel (hanging disk or mount)"
    )]
    WillNotDie {
        /// The process.
        pid: u32,
    },
}

impl Error {
    /// A CamelCase reason for conditions and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PrepareDirectory { .. } => "RuntimeDirectoryUnusable",
            Self::AlreadyRunning { .. } => "AlreadyRunning",
            Self::StartShim { .. } | Self::ShimDied { .. } => "ShimFailed",
            Self::ProgramNotFound { .. } => "ProgramNotFound",
            Self::Prepare { .. } => "LaunchFailed",
            Self::ReadRecord { .. } => "RecordUnreadable",
            Self::Signal { .. } => "SignalFailed",
            Self::WillNotDie { .. } => "WillNotDie",
        }
    }
}
