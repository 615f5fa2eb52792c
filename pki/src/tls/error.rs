//! Explains why a connection did not come about.
//!
//! rustls knows the exact cause, but it travels through `io::Error` and tonic before anyone can show it. So it is
//! turned into a sentence at the socket, and this sentence is found again in whatever chain of errors it arrives in.

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
    /// Our own files cannot be used.
    #[error(transparent)]
    LoadFiles(#[from] DirError),
    /// Our own files exist, but do not fit together.
    #[error("the certificate, key or CA in use is not valid: {0}")]
    Configure(String),
    /// The address cannot be dialled.
    #[error("'{address}' is not an address; write it as host:port")]
    InvalidAddress {
        /// What was given.
        address: String,
    },
    /// Nobody answers.
    #[error("{peer}: {source}")]
    Connect {
        /// Address of the peer.
        peer: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The peer does not answer the handshake.
    #[error("{peer}: no answer to the TLS handshake within {seconds} s")]
    Timeout {
        /// Address of the peer.
        peer: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The certificate comes from another CA.
    #[error(
        "{peer}: its certificate is not from this cluster's CA; was it issued for another cluster? Issue one with: mesolith pki issue"
    )]
    Untrusted {
        /// Address of the peer.
        peer: String,
    },
    /// The certificate is not valid yet, or no longer.
    #[error("{peer}: its certificate is not valid at this time: {detail}")]
    Expired {
        /// Address of the peer.
        peer: String,
        /// The cause, in the words of rustls.
        detail: String,
    },
    /// The certificate is for another role.
    #[error("{peer}: {detail}")]
    WrongRole {
        /// Address of the peer.
        peer: String,
        /// What was expected, and what was found.
        detail: String,
    },
    /// The certificate is for another address.
    #[error("{peer}: its certificate was issued for other addresses: {detail}")]
    WrongAddress {
        /// The address that was dialled.
        peer: String,
        /// The cause, in the words of rustls.
        detail: String,
    },
    /// The peer has shown no certificate.
    #[error("{peer}: it showed no certificate; mutual TLS is required here")]
    NoCertificate {
        /// Address of the peer.
        peer: String,
    },
    /// The peer has refused our own certificate.
    #[error("{peer} {REFUSED}: {detail}")]
    Refused {
        /// Address of the peer.
        peer: String,
        /// The cause, in the words of rustls.
        detail: &'static str,
    },
    /// Any other problem.
    #[error("{peer}: TLS handshake failed: {source}; does it speak TLS on this port?")]
    Handshake {
        /// Address of the peer.
        peer: String,
        /// The cause.
        source: io::Error,
    },
}

/// What [`crate::tls::verify`] has found. rustls carries it to the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotOurs {
    /// The certificate has no identity.
    #[error("its certificate carries no Mesolith identity, and {0} is required here")]
    NoIdentity(Role),
    /// The identity has another role.
    #[error("its certificate is that of {found}, and role {required} is required here")]
    Role {
        /// The required identity.
        required: Role,
        /// The identity in the certificate.
        found: String,
    },
    /// The identity has another name.
    #[error("its certificate is that of {found}, and {required} was dialled")]
    Name {
        /// The required identity.
        required: String,
        /// The identity in the certificate.
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

    /// Finds the cause in the IO error of a TLS stream.
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

/// The meaning of an alert about our certificate.
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

/// The sentence about a certificate, if one is among the causes of an error. It tells an untrusted peer from an
/// unreachable one. Understands tonic's `Status` and transport errors.
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
