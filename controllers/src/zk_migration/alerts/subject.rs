//! Which migration an alert is about.

use kube::ResourceExt;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_notify::Source;

/// What makes two alerts the same one.
pub(super) fn key(object: &ZkMigration, name: &str) -> String {
    format!(
        "zkmigration/{}/{}/{name}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}

/// The object.
pub(super) fn source(object: &ZkMigration) -> Source {
    Source {
        kind: "ZkMigration".to_owned(),
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}
