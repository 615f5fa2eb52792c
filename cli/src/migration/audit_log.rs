//! The audit log of a migration, read from the cluster.

use super::connect::Where;
use super::error::Error;
use super::which::split;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use mesolith_audit::Head;

/// The label of its ConfigMaps, whose value is the UID of the migration.
const LABEL: &str = "mesolith.io/audit";

/// The log, and the end that the status of the migration names.
pub(crate) async fn audit_log(at: &Where, migration: &str) -> Result<(String, Option<Head>), Error> {
    let (cluster, name) = split(at.connect().await?, migration);
    let object = cluster.get(&name).await?;
    let audit = object.status.as_ref().and_then(|status| status.audit.clone());
    let Some(audit) = audit else {
        return Ok((String::new(), None));
    };
    let namespace = audit.log.split('/').next().unwrap_or_default();
    let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), namespace);
    let of = ListParams::default().labels(&format!("{LABEL}={}", object.uid().unwrap_or_default()));
    let parts = api.list(&of).await;
    let mut parts = parts
        .map_err(|error| Error::of(format!("read the ConfigMaps {}-*", audit.log), &error))?
        .items;
    parts.sort_by_key(ResourceExt::name_any);
    let text = |part: &ConfigMap| part.data.as_ref()?.get("log").cloned();
    let log: String = parts.iter().filter_map(text).collect();
    Ok((log, audit.head.parse().ok()))
}
