//! What a reconcile tells the world: conditions, a status patch when something changed, events on transitions.

mod conditions;
mod degraded;
mod events;
mod patch;

pub(crate) use conditions::{Finding, Truth, conditions, transitions};
pub(crate) use degraded::{DEGRADED, TELL_AFTER, tell as tell_degraded};
pub(crate) use events::Announcer;
pub(crate) use patch::write_status;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::Resource;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, object::HasStatus};
use serde_json::Value;

/// What a person reads of an object that does not fit its type. The API server lets none through, so its schema is not
/// ours; the parser's own words, in the log, name our types and would not help.
const UNREADABLE: &str = "The stored object does not fit this version of the operator, so the CRDs are of another one. Apply \
    the CRDs of this version, then this object again.";

/// Reports an object that is stored but cannot be read as its type: `Ready=False`, reason `InvalidSpec`.
pub(crate) async fn invalid_object<K: Resource<DynamicType = ()>>(
    cx: &crate::context::Context,
    metadata: &ObjectMeta,
    problem: &str,
) -> Result<(), kube::Error> {
    let (Some(namespace), Some(name)) = (&metadata.namespace, &metadata.name) else {
        return Ok(());
    };
    let api: Api<DynamicObject> =
        Api::namespaced_with(cx.client.clone(), namespace, &ApiResource::erase::<K>(&()));
    let object = api.get(name).await?;
    let before = object.data.get("status").cloned().unwrap_or(Value::Null);
    let old: Vec<Condition> = before
        .get("conditions")
        .cloned()
        .and_then(|c| serde_json::from_value(c).ok())
        .unwrap_or_default();
    tracing::warn!(
        namespace,
        name,
        error = problem,
        "failed to read the stored object"
    );
    let finding = Finding::no("Ready", "InvalidSpec", UNREADABLE);
    let new = conditions(&old, &[finding], metadata.generation, jiff::Timestamp::now());
    let mut after = if before.is_object() {
        before.clone()
    } else {
        serde_json::json!({})
    };
    after["conditions"] = serde_json::to_value(&new).map_err(kube::Error::SerdeError)?;
    let Some(patch) = patch::merge_patch(&before, &after) else {
        return Ok(());
    };
    let body = serde_json::json!({ "status": patch });
    api.patch_status(
        name,
        &kube::api::PatchParams::default(),
        &kube::api::Patch::Merge(body),
    )
    .await?;
    cx.announcer
        .announce(
            &object.object_ref(&ApiResource::erase::<K>(&())),
            &transitions(&old, &new),
        )
        .await;
    Ok(())
}

/// The status of an object, or the empty one.
pub(crate) fn status_of<K: HasStatus>(object: &K) -> K::Status
where
    K::Status: Clone + Default,
{
    object.status().cloned().unwrap_or_default()
}
