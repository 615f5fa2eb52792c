//! Renewing this node's certificate: the key is made here and never leaves.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_pki::{CertificateFacts, Identity, Material, PendingKey, PkiDir, Role};

/// Why a certificate could not be renewed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("this node agent runs with --insecure and has no certificate")]
    Insecure,
    #[error("failed to make a signing request: {0}")]
    Request(String),
    #[error("no signing request is pending; ask for one first")]
    NothingPending,
    #[error("the certificate was made for another key than the pending one; ask for a new signing request")]
    OtherKey,
    #[error("the certificate is not usable: {0}")]
    Unusable(String),
    #[error("failed to install the certificate: {0}")]
    Install(String),
}

/// The pending key lives in memory only: after a restart the operator asks again.
pub(crate) struct Renewal {
    directory: Option<PkiDir>,
    pending: Mutex<Option<PendingKey>>,
}

impl Renewal {
    pub(crate) fn new(directory: Option<PkiDir>) -> Self {
        Self {
            directory,
            pending: Mutex::new(None),
        }
    }

    /// Makes a key and returns its certificate request; a second call replaces the first.
    pub(crate) fn request(&self) -> Result<String, Error> {
        let current = self
            .directory()?
            .read()
            .map_err(|e| Error::Request(e.to_string()))?;
        let facts = CertificateFacts::from_pem(&current.cert).map_err(|e| Error::Request(e.to_string()))?;
        let identity =
            own(facts.identity).ok_or_else(|| Error::Request("our certificate is not a node's".into()))?;
        let key =
            PendingKey::generate(identity, &facts.addresses).map_err(|e| Error::Request(e.to_string()))?;
        let request = key.request_pem().to_owned();
        *self.pending.lock().unwrap_or_else(|e| e.into_inner()) = Some(key);
        Ok(request)
    }

    /// Puts a signed certificate in place; returns until when it is valid, in Unix seconds.
    pub(crate) fn install(&self, certificate: String, ca: String) -> Result<i64, Error> {
        let directory = self.directory()?;
        let mut pending = self.pending.lock().unwrap_or_else(|e| e.into_inner());
        let key = pending.as_ref().ok_or(Error::NothingPending)?;
        if !key.is_certified_by(&certificate) {
            return Err(Error::OtherKey);
        }
        let facts = CertificateFacts::from_pem(&certificate).map_err(|e| Error::Unusable(e.to_string()))?;
        own(facts.identity.clone()).ok_or_else(|| Error::Unusable("it is not for a node".into()))?;
        if facts.remaining(SystemTime::now()).is_zero() {
            return Err(Error::Unusable("it has expired; do the clocks agree?".into()));
        }
        let material = Material {
            ca,
            cert: certificate,
            key: key.key_pem(),
        };
        // The new certificate is tried before it replaces the working one: a bad one would cut this node off.
        mesolith_pki::ServerTls::from_material(&material, Role::Operator)
            .map_err(|e| Error::Unusable(e.to_string()))?;
        directory
            .install(&material)
            .map_err(|e| Error::Install(e.to_string()))?;
        *pending = None;
        let until = facts.not_after.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(i64::try_from(until.as_secs()).unwrap_or(i64::MAX))
    }

    fn directory(&self) -> Result<&PkiDir, Error> {
        self.directory.as_ref().ok_or(Error::Insecure)
    }
}

fn own(identity: Option<Identity>) -> Option<Identity> {
    identity.filter(|identity| identity.role == Role::Node)
}
