//! What a certificate should say, and the request of someone who keeps the key.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::identity::Identity;

/// How long a certificate lives unless said otherwise; renewed when a third of it is left.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// A certificate is valid from a little before it was made: clocks of nodes differ.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// What a certificate should say.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    /// Its owner.
    pub identity: Identity,
    /// IP addresses and host names under which its owner is dialled, without ports.
    pub addresses: Vec<String>,
    /// Not valid before.
    pub starts: SystemTime,
    /// Not valid after `starts` plus this.
    pub lifetime: Duration,
}

/// A request that cannot become a certificate.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Neither an IP address nor a host name.
    #[error("'{address}' is neither an IP address nor a host name; give it without a port")]
    InvalidAddress {
        /// What was given.
        address: String,
    },
    /// The key could not be made.
    #[error("failed to generate a private key")]
    GenerateKey(#[source] rcgen::Error),
    /// The request could not be written.
    #[error("failed to write a certificate signing request")]
    WriteRequest(#[source] rcgen::Error),
}

impl CertificateRequest {
    /// A certificate from now on, for [`DEFAULT_LIFETIME`].
    #[must_use]
    pub fn new(identity: Identity, addresses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let addresses = addresses.into_iter().map(Into::into).collect();
        Self {
            identity,
            addresses,
            starts: SystemTime::now() - CLOCK_SKEW,
            lifetime: DEFAULT_LIFETIME + CLOCK_SKEW,
        }
    }

    /// The same, to live that long from now on.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime + CLOCK_SKEW;
        self
    }

    pub(crate) fn params(&self) -> Result<CertificateParams, RequestError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Mesolith");
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, self.identity.role.as_str());
        params
            .distinguished_name
            .push(DnType::CommonName, self.identity.name.as_str());
        params.not_before = self.starts.into();
        params.not_after = (self.starts + self.lifetime).into();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let uri = self.identity.to_string();
        let invalid = |address: &str| RequestError::InvalidAddress {
            address: address.to_owned(),
        };
        params
            .subject_alt_names
            .push(SanType::URI(uri.as_str().try_into().map_err(|_| invalid(&uri))?));
        for address in &self.addresses {
            let san = match address.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) if is_host_name(address) => {
                    SanType::DnsName(address.as_str().try_into().map_err(|_| invalid(address))?)
                }
                Err(_) => return Err(invalid(address)),
            };
            params.subject_alt_names.push(san);
        }
        Ok(params)
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

/// A fresh private key and the request to certify it: the key never leaves the node.
pub struct PendingKey {
    key: KeyPair,
    request: String,
}

impl PendingKey {
    /// Makes a key and a request for it. Who and where is decided by the signer, not by this request; it carries
    /// the identity so that a person can tell requests apart.
    ///
    /// # Errors
    /// When the key cannot be made, or an address is not one.
    pub fn generate(identity: Identity, addresses: &[String]) -> Result<Self, RequestError> {
        let key = KeyPair::generate().map_err(RequestError::GenerateKey)?;
        let mut params = CertificateRequest::new(identity, addresses.iter().cloned()).params()?;
        // A signing request must not ask for what only the CA decides.
        params.is_ca = IsCa::NoCa;
        params.use_authority_key_identifier_extension = false;
        let request = params
            .serialize_request(&key)
            .and_then(|r| r.pem())
            .map_err(RequestError::WriteRequest)?;
        Ok(Self { key, request })
    }

    /// The signing request, PEM.
    #[must_use]
    pub fn request_pem(&self) -> &str {
        &self.request
    }

    /// The private key, PEM. Secret.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Whether `cert` (PEM) certifies this key.
    #[must_use]
    pub fn is_certified_by(&self, cert: &str) -> bool {
        use rcgen::PublicKeyData;
        crate::facts::public_key(cert).is_ok_and(|public| public == self.key.der_bytes())
    }
}
