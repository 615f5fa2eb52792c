//! Reads a certificate.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::identity::Identity;

/// The contents of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its owner, if it is one of ours.
    pub identity: Option<Identity>,
    /// Addresses under which its owner may be dialled.
    pub addresses: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Valid from.
    pub not_before: SystemTime,
    /// Valid until.
    pub not_after: SystemTime,
    /// Whether it may sign others.
    pub is_authority: bool,
}

/// A certificate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// No PEM block.
    #[error("no PEM certificate found")]
    ParsePem,
    /// Not X.509.
    #[error("the certificate is damaged: {0}")]
    ParseCertificate(String),
}

impl CertificateFacts {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn from_pem(pem: &str) -> Result<Self, FactsError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| FactsError::ParsePem)?;
        Self::from_der(&der)
    }

    /// Reads a certificate.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn from_der(der: &[u8]) -> Result<Self, FactsError> {
        let cert = parse(der)?;
        let names = cert.subject_alternative_name().map_err(damaged)?;
        let (mut identity, mut addresses) = (None, Vec::new());
        for name in names.iter().flat_map(|n| &n.value.general_names) {
            match name {
                GeneralName::URI(uri) => identity = identity.or_else(|| uri.parse().ok()),
                GeneralName::DNSName(name) => addresses.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => addresses.extend(ip(bytes).map(|ip| ip.to_string())),
                _ => {}
            }
        }
        Ok(Self {
            identity,
            addresses,
            subject: cert.subject().to_string(),
            issuer: cert.issuer().to_string(),
            not_before: time(cert.validity().not_before.timestamp()),
            not_after: time(cert.validity().not_after.timestamp()),
            is_authority: cert.is_ca(),
        })
    }

    /// Whether less than a third of the certificate's life is left.
    #[must_use]
    pub fn needs_renewal(&self, now: SystemTime) -> bool {
        let life = self.not_after.duration_since(self.not_before).unwrap_or_default();
        self.not_after.duration_since(now).unwrap_or_default() < life / 3
    }

    /// How long it is still valid; zero when it is not.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.not_after.duration_since(now).unwrap_or_default()
    }
}

/// The public key that a PEM certificate certifies, as raw bits.
pub(crate) fn public_key(pem: &str) -> Result<Vec<u8>, FactsError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| FactsError::ParsePem)?;
    Ok(parse(&der)?.public_key().subject_public_key.data.to_vec())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, FactsError> {
    X509Certificate::from_der(der)
        .map(|(_, cert)| cert)
        .map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> FactsError {
    FactsError::ParseCertificate(error.to_string())
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.max(0).unsigned_abs())
}
