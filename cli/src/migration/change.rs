//! The answer of a verb that changes the object.

use super::connect::Cluster;
use super::error::Error;
use crate::output::{Format, print};
use mesolith_migration::{Change, EvidenceView};
use serde::Serialize;

/// What was done.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) migration_id: String,
    pub(super) namespace: String,
    /// Whether anything was written.
    pub(super) changed: bool,
    pub(super) message: String,
    /// What was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<EvidenceView>,
}

/// Writes a change and says what was done.
pub(super) async fn make(
    cluster: &Cluster,
    name: &str,
    change: Change,
    evidence: Option<EvidenceView>,
    output: Format,
) -> Result<(), Error> {
    cluster.change(name, change.patch.as_ref()).await?;
    let done = Done {
        migration_id: name.to_owned(),
        namespace: cluster.namespace.clone(),
        changed: change.patch.is_some(),
        message: change.says,
        evidence,
    };
    print(output, &done, |done| format!("{}\n", done.message))
        .map_err(|error| Error::Print(error.to_string()))
}
