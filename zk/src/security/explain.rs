//! Explains failed TLS connections.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use super::Tls;

/// The kind of port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Quorum,
    Client,
}

impl Port {
    /// The server's setting that switches TLS on for this port.
    fn setting(self) -> &'static str {
        match self {
            Self::Quorum => "sslQuorum=true",
            Self::Client => "secureClientPort",
        }
    }
}

/// A sentence about an error of a TLS connection.
pub(crate) fn explain(error: &io::Error, port: Port, host: &str, tls: &Tls) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    let setting = port.setting();
    match inner {
        Some(Error::AlertReceived(alert)) => match alert {
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => refused(tls, &format!("{alert:?}")),
            other => format!("the server ended TLS with {other:?}"),
        },
        Some(Error::InvalidCertificate(problem)) => distrusted(problem, host, tls),
        Some(Error::InvalidMessage(_)) => format!("what the server sends is not TLS; has it {setting}?"),
        Some(other) => format!("TLS failed: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("the server closed the connection during the TLS handshake; has it {setting}?")
        }
        None => error.to_string(),
    }
}

fn refused(tls: &Tls, said: &str) -> String {
    match &tls.identity {
        None => format!(
            "the server wants a client certificate ({said}); give one that its trust store accepts, with its key"
        ),
        Some((certificate, _)) => format!(
            "the server refused the certificate in {} ({said}); its trust store must hold the authority that signed it, \
             and unless the server leaves names out, the certificate must name the address that we come from",
            certificate.display()
        ),
    }
}

fn distrusted(problem: &CertificateError, host: &str, tls: &Tls) -> String {
    let files: Vec<_> = tls.ca.iter().map(|p| p.display().to_string()).collect();
    let files = files.join(", ");
    match problem {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!(
                "the server's certificate is not signed by an authority in {files}; give the file of the one that did"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the server's certificate is not for '{host}' ({problem}); name the server as its certificate does, or switch \
             the comparison of names off"
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, or set this machine's clock".to_owned()
        }
        other => format!("the server's certificate cannot be used: {other}"),
    }
}
