//! TLS of a client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Error;
use super::names::AnyName;

/// The authorities to trust, and our own certificate. All files are PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of the authorities that may sign servers' certificates. No others are trusted.
    pub ca: Vec<PathBuf>,
    /// Our certificate, with the chain up to its authority, and its private key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the server's certificate must name the host that we connect to. If not, any certificate of these
    /// authorities is accepted; everything else is still checked.
    pub verify_name: bool,
}

impl Tls {
    /// Trusts these authorities and checks names.
    pub fn new(ca: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            ca: ca.into_iter().collect(),
            identity: None,
            verify_name: true,
        }
    }

    /// The same, with a certificate of our own.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// The same, without checking names.
    #[must_use]
    pub fn with_any_name(mut self) -> Self {
        self.verify_name = false;
        self
    }

    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, Error> {
        let setup = |error: &dyn std::fmt::Display| Error::Setup(error.to_string());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| setup(&e))?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider)
            .build()
            .map_err(|e| setup(&e))?;
        let builder = if self.verify_name {
            builder.with_webpki_verifier(verifier)
        } else {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName::new(verifier)))
        };
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(certificates(certificate)?, private_key(key)?)
                .map_err(|error| Error::Key {
                    path: key.clone(),
                    cause: format!("with the certificate in {}: {error}", certificate.display()),
                })?,
        };
        Ok(Arc::new(config))
    }

    /// Performs the handshake.
    pub(crate) async fn connect(
        config: Arc<ClientConfig>,
        host: &str,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = server_name(host).map_err(std::io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        for path in &self.ca {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| Error::Certificate {
                    path: path.clone(),
                    cause: error.to_string(),
                })?;
            }
        }
        if roots.is_empty() {
            return Err(Error::NoCa);
        }
        Ok(roots)
    }

    /// The authorities as one text, after they were checked.
    pub(super) fn ca_text(&self) -> Result<String, Error> {
        self.roots()?;
        let texts: Result<Vec<_>, _> = self.ca.iter().map(|path| text(path)).collect();
        Ok(texts?.join("\n"))
    }

    /// Our certificate and key, after they were checked.
    pub(super) fn identity_text(&self) -> Result<Option<(String, String)>, Error> {
        self.client_config()?;
        let read = |(certificate, key): &(PathBuf, PathBuf)| Ok((text(certificate)?, text(key)?));
        self.identity.as_ref().map(read).transpose()
    }
}

/// The host as a name that a certificate may contain.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(host.to_owned()).map_err(|_| Error::Host(host.to_owned()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::Read {
        path: path.to_owned(),
        cause,
    })
}

fn text(path: &Path) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&bytes(path)?).into_owned())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let fail = |cause: String| Error::Certificate {
        path: path.to_owned(),
        cause,
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(path)?).collect();
    let found = found.map_err(|error| fail(error.to_string()))?;
    if found.is_empty() {
        return Err(fail("none is there".to_owned()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?).map_err(|error| Error::Key {
        path: path.to_owned(),
        cause: error.to_string(),
    })
}
