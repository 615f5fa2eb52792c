//! What a verb can fail with, and the exit code for it.

use std::io;
use std::path::PathBuf;

use super::components::Component;
use crate::control::{ClientError, EndpointError};
use crate::handle::Refused;
use crate::{options, run};

/// Exit codes; each verb's help has those that it uses.
pub mod exit {
    /// Done; equal.
    pub const OK: u8 = 0;
    /// Refused or failed; for `diff`: different.
    pub const FAILED: u8 = 1;
    /// Wrong usage; for `diff`: could not compare.
    pub const USAGE: u8 = 2;
    /// No engine runs there.
    pub const NOT_RUNNING: u8 = 3;
    /// Not in sync, and `start` does not wait any longer; the engine goes on.
    pub const NOT_YET: u8 = 4;
    /// Ctrl-C.
    pub const INTERRUPTED: u8 = 130;
}

/// A verb could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag.
    #[error(transparent)]
    Options(#[from] options::Error),
    /// A setting, or a command that the engine refuses.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// Where the engine is.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The engine does not answer, or says no.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing runs there.
    #[error("no engine named '{name}' runs here ({} was looked at); start one with: mesos-migrate sync start, or say where it is with --name, --state-dir or --endpoint", state_dir.display())]
    NotRunning {
        /// Which name.
        name: String,
        /// Where it was looked for.
        state_dir: PathBuf,
    },
    /// It runs, and cannot be asked.
    #[error("the engine runs as pid {pid} but does not answer: {problem}; its log is {}", log.display())]
    Silent {
        /// Which process.
        pid: String,
        /// What happened.
        problem: String,
        /// Where to look.
        log: PathBuf,
    },
    /// More than one runs as a component of the node agent here.
    #[error(
        "several engines run here as components of the node agent; say which: {}",
        list(engines)
    )]
    Several {
        /// All of them.
        engines: Vec<Component>,
    },
    /// The node agent would start it again.
    #[error(
        "the engine '{}' is a component of the node agent here, which would start it again; \
         let it stand still with: mesos-migrate sync pause, or roll back or finish the migration that it belongs to",
        engine.name
    )]
    Supervised {
        /// The engine.
        engine: Component,
    },
    /// Neither `--state-dir` nor a home.
    #[error("there is no HOME to keep the engine's files in; give --state-dir")]
    NoHome,
    /// The engine's process.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// This program could not be started again.
    #[error("cannot start {} in the background: {source}", program.display())]
    Launch {
        /// Which program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The engine ended while its start was waited for; the sentence is its own.
    #[error("the engine has ended: {message}")]
    Ended {
        /// Why, in its own words.
        message: String,
    },
    /// It was asked to end and did not.
    #[error("the engine still runs as pid {pid} {seconds} s after it was asked to end; look at {}, then: kill {pid}", log.display())]
    DidNotEnd {
        /// Which process.
        pid: u32,
        /// How long it was waited for.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// Stdout is closed.
    #[error("cannot print: {0}")]
    Print(#[source] io::Error),
}

fn list(engines: &[Component]) -> String {
    let each = engines.iter().map(ToString::to_string);
    each.collect::<Vec<_>>().join(", or ")
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Error {
    /// The reason that conditions show.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Options(error) => error.reason(),
            Self::Refused(refused) => refused.reason,
            Self::Endpoint(_) => "InvalidEndpoint",
            Self::Client(error) => error.reason(),
            Self::NotRunning { .. } => "NotRunning",
            Self::Silent { .. } => "EngineSilent",
            Self::Several { .. } => "SeveralEngines",
            Self::Supervised { .. } => "Supervised",
            Self::NoHome => "NoStateDir",
            Self::Run(error) => error.reason(),
            Self::Launch { .. } => "CannotStart",
            Self::Ended { .. } => "EngineEnded",
            Self::DidNotEnd { .. } => "EngineDidNotEnd",
            Self::Print(_) => "CannotPrint",
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NotRunning { .. } | Self::Client(ClientError::Unreachable { .. }) => exit::NOT_RUNNING,
            Self::Options(_) | Self::Endpoint(_) | Self::NoHome | Self::Several { .. } => exit::USAGE,
            _ if self.reason() == "InvalidSettings" => exit::USAGE,
            _ => exit::FAILED,
        }
    }
}
