//! How the node agents of the target are reached: with the CA that signed their certificates.

use super::Error;
use super::problem::Problem;
use crate::nodes::{CredentialsError, Dial, secret_name, stored_authority};
use kube::{Client, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::Mtls;
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use std::time::Duration;

/// Of the certificate that the operator shows; it asks a few questions and goes.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The CA is that of the source's MesosCluster, or that of the Secret `<migration>-ca`. Nothing is made here: a new CA
/// would not be the one that the nodes trust.
pub(super) async fn dial(
    object: &ZkMigration,
    cluster: Option<&MesosCluster>,
    client: &Client,
) -> Result<Result<Dial, Problem>, Error> {
    if cluster.is_some_and(|cluster| cluster.spec.security.mtls == Mtls::Disabled) {
        return Ok(Ok(Dial::plain()));
    }
    let own = object.namespace().unwrap_or_default();
    let (namespace, name) = match cluster {
        Some(cluster) => (cluster.namespace().unwrap_or(own), secret_name(cluster)),
        None => (own, format!("{}-ca", object.name_any())),
    };
    let found = match stored_authority(client, &namespace, &name).await {
        Ok(found) => found,
        Err(error @ CredentialsError::ReadAuthority { .. }) => {
            return Ok(Err(Problem::new(error.reason(), error.to_string(), "")));
        }
        Err(error) => return Err(Error::ReadAuthority(error)),
    };
    let Some(authority) = found else {
        let remedy = match cluster {
            Some(cluster) => format!(
                "The operator makes it when MesosCluster {} is reconciled: see its conditions",
                cluster.name_any()
            ),
            None => format!(
                "Store the CA that signed the certificates of the nodes (mesolith pki init makes one, mesolith pki issue \
                 signs): kubectl create secret tls {name} -n {namespace} --cert ca.crt --key ca.key"
            ),
        };
        return Ok(Err(Problem::new(
            Reason::CertificateAuthorityNotFound,
            format!(
                "Node agents answer to mutual TLS only, and there is no Secret {namespace}/{name} with their CA"
            ),
            remedy,
        )));
    };
    let dial = Dial::mutual(authority, LIFETIME);
    Ok(dial.map_err(|error| Problem::new(Reason::IssueCertificate, error.to_string(), "")))
}
