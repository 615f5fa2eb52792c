//! Makes rustls configurations from files.
//!
//! Session resumption is off on both sides: a resumed session would skip the check of a certificate that has
//! expired, or whose CA was replaced, since.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;
use super::verify::{Checked, Required};
use crate::material::Material;

/// gRPC only.
const ALPN: &[u8] = b"h2";

struct Parsed {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Accepts peers that `required` describes.
pub(crate) fn server(material: &Material, required: &Required) -> Result<ServerConfig, TlsError> {
    let Parsed { roots, chain, key } = parse(material)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(invalid)?;
    let verifier = Arc::new(Checked {
        required: required.clone(),
        chain: verifier,
    });
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(invalid)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Dials peers that `required` describes.
pub(crate) fn client(material: &Material, required: &Required) -> Result<ClientConfig, TlsError> {
    let Parsed { roots, chain, key } = parse(material)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
        .build()
        .map_err(invalid)?;
    let verifier = Arc::new(Checked {
        required: required.clone(),
        chain: verifier,
    });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(invalid)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)
        .map_err(invalid)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn parse(material: &Material) -> Result<Parsed, TlsError> {
    let mut roots = RootCertStore::empty();
    for cert in certificates(&material.ca)? {
        roots.add(cert).map_err(invalid)?;
    }
    let key = PrivateKeyDer::from_pem_slice(material.key.as_bytes()).map_err(invalid)?;
    Ok(Parsed {
        roots: Arc::new(roots),
        chain: certificates(&material.cert)?,
        key,
    })
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(invalid)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn invalid(error: impl std::fmt::Display) -> TlsError {
    TlsError::Configure(error.to_string())
}
