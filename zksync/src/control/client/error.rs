//! Why a call to an engine had no result.

use mesolith_pki::TlsError;
use tonic::Code;

use crate::control::REASON;
use crate::handle::Refused;

/// A call had no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error("no engine answers at {endpoint}: {problem}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What happened.
        problem: String,
    },
    /// The certificates cannot be used, or the address is none.
    #[error("cannot connect to {endpoint}: {source}")]
    Tls {
        /// Where.
        endpoint: String,
        /// Why not.
        source: TlsError,
    },
    /// https without certificates.
    #[error("{endpoint} needs --pki-dir with ca.crt, tls.crt and tls.key of an operator")]
    NoCertificates {
        /// Where.
        endpoint: String,
    },
    /// The engine says no.
    #[error("{message}")]
    Refused {
        /// CamelCase.
        reason: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The connection broke in the middle.
    #[error("the engine went away during the call: {message}")]
    Lost {
        /// What happened.
        message: String,
    },
    /// It answered something that we do not understand.
    #[error("the engine's answer makes no sense: {problem}; is it of another version?")]
    Answer {
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// The reason that conditions show.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "EngineUnreachable",
            Self::Tls { .. } | Self::NoCertificates { .. } => "InvalidCertificates",
            Self::Refused { reason, .. } => reason,
            Self::Lost { .. } => "EngineLost",
            Self::Answer { .. } => "InvalidAnswer",
        }
    }

    pub(super) fn from_call(status: &tonic::Status) -> Self {
        let message = status.message().to_owned();
        let reason = status
            .metadata()
            .get(REASON)
            .and_then(|value| value.to_str().ok());
        match (reason, status.code()) {
            (Some(reason), _) => Self::Refused {
                reason: reason.to_owned(),
                message,
            },
            (None, Code::InvalidArgument) => Self::Refused {
                reason: "InvalidRequest".to_owned(),
                message,
            },
            (None, _) => Self::Lost { message },
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused {
            reason: refused.reason.to_owned(),
            message: refused.message,
        }
    }
}
