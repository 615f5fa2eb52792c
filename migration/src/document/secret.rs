//! The Secret with the addresses and keys of a document's alerts.

use super::{Planned, alert_secret_name};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use mesolith_crds::v1alpha1::ZkMigration;
use std::collections::BTreeMap;

impl Planned {
    /// The Secret that the object refers to, which goes with it; `created` is the object as the API server stored it.
    #[must_use]
    pub fn alert_secret(&self, created: &ZkMigration) -> Option<Secret> {
        let name = created.metadata.name.clone()?;
        let values: BTreeMap<String, String> = self
            .secrets
            .iter()
            .map(|(key, value)| (key.clone(), value.expose().to_owned()))
            .collect();
        let owner = OwnerReference {
            api_version: format!("{}/v1alpha1", mesolith_crds::GROUP),
            kind: "ZkMigration".to_owned(),
            uid: created.metadata.uid.clone()?,
            name: name.clone(),
            ..OwnerReference::default()
        };
        (!values.is_empty()).then(|| Secret {
            metadata: ObjectMeta {
                name: Some(alert_secret_name(&name)),
                namespace: created.metadata.namespace.clone(),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            string_data: Some(values),
            ..Secret::default()
        })
    }
}
