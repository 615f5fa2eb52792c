//! The certificate authority of one cluster.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};

use crate::facts::{FactsError, public_key};
use crate::material::Material;
use crate::request::{CertificateRequest, RequestError};

/// Lifetime of a CA. It outlives the machines that it certifies, and is replaced by hand.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A certificate is valid from a little before it was made, since the clocks of nodes differ.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// A CA certificate with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    cert: String,
}

/// The authority could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The key could not be made.
    #[error("failed to generate a private key")]
    GenerateKey(#[source] rcgen::Error),
    /// The CA could not be made.
    #[error("failed to create the certificate authority")]
    CreateAuthority(#[source] rcgen::Error),
    /// The stored CA does not parse.
    #[error("failed to read the certificate authority; it must be a PEM certificate with its PKCS#8 key")]
    LoadAuthority(#[source] rcgen::Error),
    /// The stored CA certificate does not parse.
    #[error("failed to read the certificate of the authority")]
    ReadAuthority(#[from] FactsError),
    /// Key and certificate are not a pair.
    #[error("the key of the certificate authority does not belong to its certificate")]
    KeyMismatch,
    /// What the certificate should say is not possible.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The signing request is damaged, or not signed by its own key.
    #[error("failed to read the certificate signing request")]
    ReadRequest(#[source] rcgen::Error),
    /// Signing failed.
    #[error("failed to sign the certificate of {owner}")]
    Sign {
        /// Owner of the certificate.
        owner: String,
        /// The cause.
        source: rcgen::Error,
    },
}

impl Authority {
    /// A new CA for a cluster.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn create(cluster: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::GenerateKey)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Mesolith");
        // The key's beginning makes the names of two authorities differ, so that verifiers say "unknown authority"
        // and not "bad signature" when they meet the wrong one.
        let mark: String = key
            .der_bytes()
            .iter()
            .skip(1)
            .take(4)
            .map(|b| format!("{b:02x}"))
            .collect();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{cluster} CA {mark}"));
        let now = SystemTime::now();
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now + CA_LIFETIME).into();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params
            .self_signed(&key)
            .map_err(AuthorityError::CreateAuthority)?
            .pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            cert,
        })
    }

    /// A CA from where it was kept.
    ///
    /// # Errors
    /// When either does not parse, or they are not a pair.
    pub fn from_pem(cert: &str, key: &str) -> Result<Self, AuthorityError> {
        let key = KeyPair::from_pem(key).map_err(AuthorityError::LoadAuthority)?;
        if public_key(cert)? != key.der_bytes() {
            return Err(AuthorityError::KeyMismatch);
        }
        let issuer = Issuer::from_ca_cert_pem(cert, key).map_err(AuthorityError::LoadAuthority)?;
        Ok(Self {
            issuer,
            cert: cert.to_owned(),
        })
    }

    /// The CA certificate, PEM.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert
    }

    /// The CA key, PEM. Secret.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Makes a key and certifies it.
    ///
    /// # Errors
    /// When an address is not one, or signing fails.
    pub fn issue(&self, request: &CertificateRequest) -> Result<Material, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::GenerateKey)?;
        let cert = request
            .params()?
            .signed_by(&key, &self.issuer)
            .map_err(|e| sign_error(request, e))?;
        Ok(Material {
            ca: self.cert.clone(),
            cert: cert.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Certifies the key of a signing request. Everything else in the certificate comes from `request`: a node
    /// cannot choose its own name or role.
    ///
    /// # Errors
    /// When the signing request does not prove possession of its key, an address is not one, or signing fails.
    pub fn sign(
        &self,
        signing_request: &str,
        request: &CertificateRequest,
    ) -> Result<String, AuthorityError> {
        let asked = CertificateSigningRequestParams::from_pem(signing_request)
            .map_err(AuthorityError::ReadRequest)?;
        let granted = CertificateSigningRequestParams {
            params: request.params()?,
            public_key: asked.public_key,
        };
        Ok(granted
            .signed_by(&self.issuer)
            .map_err(|e| sign_error(request, e))?
            .pem())
    }
}

fn sign_error(request: &CertificateRequest, source: rcgen::Error) -> AuthorityError {
    AuthorityError::Sign {
        owner: request.identity.to_string(),
        source,
    }
}
