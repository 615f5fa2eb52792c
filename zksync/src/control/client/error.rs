//! Why a call to an engine had no result.

use mesolith_pki::TlsError;
use tonic::Code;

use crate::control::REASON;
use crate::handle::Refused;

/// A call had no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers there.
    #[error("no engine answers at {endpoint}: {problem}")]
    Unreachable {
        /// The endpoint that was dialled.
        endpoint: String,
        /// What happened.
        problem: String,
    },
    /// The certificates cannot be used, or the address is not valid.
    #[error("cannot connect to {endpoint}: {source}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// The cause.
        source: TlsError,
    },
    /// An https endpoint without certificates.
    #[error("{endpoint} needs --pki-dir with ca.crt, tls.crt and tls.key of an operator")]
    NoCertificates {
        /// The endpoint.
        endpoint: String,
    },
    /// The engine has refused the call.
    #[error("{message}")]
    Refused {
        /// The engine's reason, CamelCase.
        reason: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The connection broke during the call.
    #[error("the engine went away during the call: {message}")]
    Lost {
        /// The transport's error.
        message: String,
    },
    /// The engine's answer cannot be understood.
    #[error("the engine's answer makes no sense: {problem}; is it of another version?")]
    Answer {
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// The reason in CamelCase, as conditions show it.
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
