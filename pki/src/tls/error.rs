//! Why two parties did not get together.
//!
//! rustls knows the cause exactly, but it travels through `io::Error` and tonic before anyone can show it. Here it is
//! turned into a sentence once, at the socket, and found again in whatever chain it arrives in.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::dir::DirError;
use crate::identity::Role;

/// Part of every sentence about a refusal of our own certificate: HTTP/2 keeps only the text of an IO error, so the
/// text is what [`trust_problem`] finds.
const REFUSED: &str = "refused our certificate";

/// A connection that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The own files cannot be used.
    #[error(transparent)]
    LoadFiles(#[from] DirError),
    /// The own files are there and make no sense.
    #[error("the certificate, key or CA in use is not valid: {0}")]
    Configure(String),
    /// Nothing that can be dialled.
    #[error("'{address}' is not an address; write it as host:port")]
    InvalidAddress {
        /// What was given.
        address: String,
    },
    /// Nobody there.
    #[error("{peer}: {source}")]
    Connect {
        /// Who was dialled.
        peer: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Somebody there who does not speak.
    #[error("{peer}: no answer to the TLS handshake within {seconds} s")]
    Timeout {
        /// With whom.
        peer: String,
        /// How long.
        seconds: u64,
    },
    /// The other CA.
    #[error(
        "{peer}: its certificate is not from this cluster's CA; was it issued for another cluster? Issue one with: mesolith pki issue"
    )]
    Untrusted {
        /// Whose certificate.
        peer: String,
    },
    /// Too old (or too new).
    #[error("{peer}: its certificate is not valid at this time: {detail}")]
    Expired {
        /// Whose certificate.
        peer: String,
        /// In rustls' words.
        detail: String,
    },
    /// The right CA, the wrong role.
    #[error("{peer}: {detail}")]
    WrongRole {
        /// Whose certificate.
        peer: String,
        /// What was expected and found.
        detail: String,
    },
    /// The right CA, for another address.
    #[error("{peer}: its certificate was issued for other addresses: {detail}")]
    WrongAddress {
        /// Who was dialled.
        peer: String,
        /// In rustls' words.
        detail: String,
    },
    /// The peer showed no certificate at all.
    #[error("{peer}: it showed no certificate; mutual TLS is required here")]
    NoCertificate {
        /// Who.
        peer: String,
    },
    /// The peer found fault with our own certificate.
    #[error("{peer} {REFUSED}: {detail}")]
    Refused {
        /// Who.
        peer: String,
        /// Why.
        detail: &'static str,
    },
    /// Something else.
    #[error("{peer}: TLS handshake failed: {source}; does it speak TLS on this port?")]
    Handshake {
        /// With whom.
        peer: String,
        /// What went wrong.
        source: io::Error,
    },
}

/// What [`crate::tls::verify`] found; carried through rustls.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOurs {
    /// No identity in it.
    #[error("its certificate carries no Mesolith identity, and {0} is required here")]
    NoIdentity(Role),
    /// Another role.
    #[error("its certificate is that of {found}, and role {required} is required here")]
    Role {
        /// What is required.
        required: Role,
        /// Whose it is.
        found: String,
    },
    /// Another name.
    #[error("its certificate is that of {found}, and {required} was dialled")]
    Name {
        /// What is required.
        required: String,
        /// Whose it is.
        found: String,
    },
}

impl TlsError {
    /// The reason that conditions and metrics show.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::LoadFiles(_) | Self::Configure(_) => "CertificateMissing",
            Self::InvalidAddress { .. } => "InvalidSpec",
            Self::Connect { .. } | Self::Timeout { .. } | Self::Handshake { .. } => "NodeUnreachable",
            Self::Untrusted { .. }
            | Self::Expired { .. }
            | Self::WrongRole { .. }
            | Self::WrongAddress { .. }
            | Self::NoCertificate { .. }
            | Self::Refused { .. } => "NodeUntrusted",
        }
    }

    /// Reads the cause out of the IO error that a TLS stream gives.
    pub(crate) fn from_io(peer: &str, source: io::Error) -> Self {
        let peer = peer.to_owned();
        let Some(cause) = source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) else {
            return Self::Handshake { peer, source };
        };
        match cause {
            rustls::Error::AlertReceived(alert) => match refusal(*alert) {
                Some(detail) => Self::Refused { peer, detail },
                None => Self::Handshake { peer, source },
            },
            rustls::Error::NoCertificatesPresented => Self::NoCertificate { peer },
            rustls::Error::InvalidCertificate(problem) => match problem {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted { peer },
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::WrongAddress {
                        peer,
                        detail: problem.to_string(),
                    }
                }
                CertificateError::Other(other) => Self::WrongRole {
                    peer,
                    detail: other.0.to_string(),
                },
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::Expired {
                    peer,
                    detail: problem.to_string(),
                },
                _ => Self::Handshake { peer, source },
            },
            _ => Self::Handshake { peer, source },
        }
    }
}

/// What an alert says about the certificate that we showed.
fn refusal(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::UnknownCA | AlertDescription::DecryptError => Some("it trusts another CA"),
        AlertDescription::CertificateExpired => Some("it is not valid at this time"),
        AlertDescription::CertificateUnknown | AlertDescription::AccessDenied => {
            Some("its role or name is not the required one")
        }
        AlertDescription::CertificateRequired => Some("none was shown"),
        AlertDescription::BadCertificate | AlertDescription::UnsupportedCertificate => {
            Some("it is not usable")
        }
        _ => None,
    }
}

/// The sentence about a certificate somewhere in the causes of an error, if a certificate is the problem: the
/// difference between an untrusted peer and an unreachable one. Understands tonic's `Status` and transport errors.
#[must_use]
pub fn trust_problem(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner: Option<&(dyn Error + 'static)> = inner.map(|e| e as _);
        for candidate in [Some(cause), inner].into_iter().flatten() {
            if let Some(tls) = candidate.downcast_ref::<TlsError>() {
                return (tls.reason() == "NodeUntrusted").then(|| tls.to_string());
            }
        }
        let text = cause.to_string();
        if cause.source().is_none() && text.contains(REFUSED) {
            return Some(text);
        }
        next = cause.source().or(inner);
    }
    None
}
