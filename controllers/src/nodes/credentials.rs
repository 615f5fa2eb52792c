//! The cluster's CA, which is kept in a Secret, and the operator's certificate, which is kept in memory.

use super::dial::{self, Dial};
use crate::outcome::{chain, is_conflict};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Resource, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_pki::Authority;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The operator's own certificate is renewed long before it ends.
const RENEW_EVERY: Duration = Duration::from_secs(7 * 86_400);

/// The nodes cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The Secret cannot be read.
    #[error("failed to read Secret {name}")]
    ReadSecret {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The Secret cannot be created.
    #[error("failed to create Secret {name}")]
    CreateSecret {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// A new CA cannot be made.
    #[error("failed to make a certificate authority: {0}")]
    CreateAuthority(String),
    /// The CA in the Secret cannot be used.
    #[error(
        "the CA in Secret {name} cannot be used: {message}. Restore the Secret, or delete it to get a new CA"
    )]
    ReadAuthority {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The operator's certificate cannot be issued.
    #[error(transparent)]
    Issue(#[from] dial::Error),
}

impl Error {
    /// The operation that failed.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Error::ReadSecret { .. } => Reason::ReadSecret,
            Error::CreateSecret { .. } => Reason::CreateSecret,
            Error::CreateAuthority(_) => Reason::CreateAuthority,
            Error::ReadAuthority { .. } => Reason::InvalidCertificateAuthority,
            Error::Issue(_) => Reason::IssueCertificate,
        }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Error::CreateSecret { source, .. } if is_conflict(source))
    }
}

/// Ways to reach nodes, ready to use, by the uid of the cluster.
pub(crate) struct Dials {
    client: Client,
    ready: Mutex<HashMap<String, Ready>>,
}

struct Ready {
    dial: Arc<Dial>,
    /// The contents of the Secret that it was made from.
    source: String,
    made: Instant,
}

impl Dials {
    /// None yet; CAs are kept in Secrets that this client reads and makes.
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            ready: Mutex::default(),
        }
    }

    /// A way to reach the nodes of a cluster. Makes the CA on first use.
    pub(crate) async fn dial(&self, cluster: &MesosCluster, mtls: bool) -> Result<Arc<Dial>, Error> {
        let lifetime = cluster.spec.security.certificate_lifetime();
        let (cert, key) = if mtls {
            authority(cluster, &self.client).await?
        } else {
            Default::default()
        };
        let source = format!("{mtls} {lifetime:?} {cert}{key}");
        let uid = cluster.uid().unwrap_or_default();
        let mut ready = self.ready.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(known) = ready.get(&uid)
            && known.source == source
            && known.made.elapsed() < RENEW_EVERY
        {
            return Ok(known.dial.clone());
        }
        let dial = Arc::new(if mtls {
            let authority = Authority::from_pem(&cert, &key).map_err(|e| Error::ReadAuthority {
                name: secret_name(cluster),
                message: chain(&e),
            })?;
            Dial::mutual(authority, lifetime)?
        } else {
            Dial::plain()
        });
        ready.insert(
            uid,
            Ready {
                dial: dial.clone(),
                source,
                made: Instant::now(),
            },
        );
        Ok(dial)
    }
}

/// Where a cluster's CA is kept.
pub(crate) fn secret_name(cluster: &MesosCluster) -> String {
    format!("{}-ca", cluster.name_any())
}

/// The CA that a Secret holds, if there is one. Nothing is made.
pub(crate) async fn stored_authority(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Authority>, Error> {
    let Some(secret) = read(client, namespace, name).await? else {
        return Ok(None);
    };
    let (cert, key) = pair(&secret);
    let authority = Authority::from_pem(&cert, &key).map_err(|e| Error::ReadAuthority {
        name: name.to_owned(),
        message: chain(&e),
    })?;
    Ok(Some(authority))
}

async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    secrets.get_opt(name).await.map_err(|source| Error::ReadSecret {
        name: name.to_owned(),
        source,
    })
}

/// Certificate and key, PEM.
fn pair(secret: &Secret) -> (String, String) {
    let field = |key: &str| {
        let bytes = secret
            .data
            .as_ref()
            .and_then(|data| data.get(key))
            .map(|b| b.0.clone())
            .unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    (field("tls.crt"), field("tls.key"))
}

/// Certificate and key of the cluster's CA, PEM.
async fn authority(cluster: &MesosCluster, client: &Client) -> Result<(String, String), Error> {
    let name = secret_name(cluster);
    let namespace = cluster.namespace().unwrap_or_default();
    let secret = match read(client, &namespace, &name).await? {
        Some(secret) => secret,
        None => {
            let authority =
                Authority::create(&cluster.name_any()).map_err(|e| Error::CreateAuthority(chain(&e)))?;
            let fresh = secret(cluster, &name, authority.cert_pem(), &authority.key_pem());
            Api::<Secret>::namespaced(client.clone(), &namespace)
                .create(&PostParams::default(), &fresh)
                .await
                .map_err(|source| Error::CreateSecret {
                    name: name.clone(),
                    source,
                })?
        }
    };
    Ok(pair(&secret))
}

fn secret(cluster: &MesosCluster, name: &str, cert: &str, key: &str) -> Secret {
    let data = [("tls.crt", cert), ("tls.key", key)];
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: cluster.namespace(),
            // A CA that the operator made for a cluster goes with the cluster; one that a person made stays.
            owner_references: cluster.controller_owner_ref(&()).map(|owner| vec![owner]),
            labels: Some(BTreeMap::from([(
                "app.kubernetes.io/managed-by".into(),
                "mesolith".into(),
            )])),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".into()),
        data: Some(
            data.into_iter()
                .map(|(k, v)| (k.to_owned(), ByteString(v.as_bytes().to_vec())))
                .collect(),
        ),
        ..Secret::default()
    }
}
