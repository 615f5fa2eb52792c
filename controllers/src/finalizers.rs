//! The one way to put a finalizer on an object and to take it off.
//!
//! Every write carries the resource version that the object was read at: another writer's finalizer is never lost.

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Client, Resource, ResourceExt};

/// Whether the object waits for this finalizer.
pub(crate) fn has(object: &impl ResourceExt, finalizer: &str) -> bool {
    object.finalizers().iter().any(|present| present == finalizer)
}

/// Adds the finalizer if it is missing; returns whether it wrote. The write comes back as a trigger.
///
/// # Errors
/// What the API server answers; a conflict means: read again.
pub(crate) async fn add<K>(client: &Client, object: &K, finalizer: &str) -> Result<bool, kube::Error>
where
    K: Resource<DynamicType = ()>,
{
    if has(object, finalizer) {
        return Ok(false);
    }
    let present = object.finalizers().iter().map(String::as_str);
    write(client, object, present.chain([finalizer]).collect()).await?;
    Ok(true)
}

/// Takes the finalizer off, so that the object may go. One that is gone already is fine.
///
/// # Errors
/// What the API server answers; a conflict means: read again.
pub(crate) async fn remove<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()>,
{
    let present = object.finalizers().iter().map(String::as_str);
    match write(client, object, present.filter(|f| *f != finalizer).collect()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        answer => answer,
    }
}

async fn write<K>(client: &Client, object: &K, finalizers: Vec<&str>) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()>,
{
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &namespace, &ApiResource::erase::<K>(&()));
    let metadata =
        serde_json::json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let patch = Patch::Merge(serde_json::json!({ "metadata": metadata }));
    api.patch(&object.name_any(), &PatchParams::default(), &patch)
        .await
        .map(drop)
}
