//! rustls' own verifiers check the chain; this module then checks the peer's identity.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::error::NotOurs;
use crate::facts::CertificateFacts;
use crate::identity::{Identity, Role};

/// The identity that a peer must have.
#[derive(Debug, Clone)]
pub(crate) struct Required {
    /// Its role.
    pub(crate) role: Role,
    /// The name, if one certain party is dialled.
    pub(crate) name: Option<String>,
}

impl Required {
    fn check(&self, cert: &CertificateDer<'_>) -> Result<(), Error> {
        let not_ours =
            |e: NotOurs| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(e))));
        let found = identity(cert).ok_or_else(|| not_ours(NotOurs::NoIdentity(self.role)))?;
        if found.role != self.role {
            return Err(not_ours(NotOurs::Role {
                required: self.role,
                found: found.to_string(),
            }));
        }
        match &self.name {
            Some(name) if *name != found.name => Err(not_ours(NotOurs::Name {
                required: name.clone(),
                found: found.to_string(),
            })),
            _ => Ok(()),
        }
    }
}

/// The identity in the certificate.
pub(crate) fn identity(cert: &CertificateDer<'_>) -> Option<Identity> {
    CertificateFacts::from_der(cert).ok()?.identity
}

/// What both directions leave to the chain's verifier: rustls has two traits with these methods in common.
macro_rules! signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.chain.verify_tls12_signature(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.chain.verify_tls13_signature(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.chain.supported_verify_schemes()
        }
    };
}

/// A verifier of chains, with the identity that the peer must have.
#[derive(Debug)]
pub(crate) struct Checked<V: ?Sized> {
    pub(crate) required: Required,
    pub(crate) chain: Arc<V>,
}

impl ServerCertVerifier for Checked<WebPkiServerVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let ok = self
            .chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        self.required.check(end_entity)?;
        Ok(ok)
    }

    signatures!();
}

impl ClientCertVerifier for Checked<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let ok = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        self.required.check(end_entity)?;
        Ok(ok)
    }

    signatures!();
}
