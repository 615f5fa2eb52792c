//! The one way to read a status, and the one way to write it.

use super::patch::merge_patch;
use crate::key::ObjectKey;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, object::HasStatus};
use kube::{Client, CustomResourceExt, Resource, ResourceExt};
use mesolith_crds::mistyped;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The status of an object, or the empty one.
pub(crate) fn status_of<K: HasStatus>(object: &K) -> K::Status
where
    K::Status: Clone + Default,
{
    object.status().cloned().unwrap_or_default()
}

/// A status with the resource version that it was read at: a decision made on a stale object is refused with a
/// conflict instead of overwriting newer facts.
pub(crate) struct Stored {
    kind: ApiResource,
    key: ObjectKey,
    version: Option<String>,
    /// Tells an object from its successor of the same name.
    pub(crate) uid: Option<String>,
    /// `metadata.generation`.
    pub(crate) generation: Option<i64>,
    /// What events are about.
    pub(crate) about: ObjectReference,
    /// Null when there is none.
    pub(crate) status: Value,
    /// As the API server has it; null when the object was not read for it.
    pub(super) spec: Value,
}

impl Stored {
    /// As a reconcile was given it.
    ///
    /// # Errors
    /// A status that is no JSON.
    pub(super) fn of<K>(object: &K) -> Result<Self, kube::Error>
    where
        K: Resource<DynamicType = ()> + HasStatus,
        K::Status: Serialize,
    {
        let status = serde_json::to_value(object.status()).map_err(kube::Error::SerdeError)?;
        Ok(Self::new::<K>(object, object.object_ref(&()), status))
    }

    /// As the API server has it now; `None` when there is no such object.
    ///
    /// # Errors
    /// What the API server answers.
    pub(crate) async fn read<K>(client: &Client, key: &ObjectKey) -> Result<Option<Self>, kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &key.namespace, &kind);
        let found = api.get_opt(&key.name).await?;
        Ok(found.map(|object| {
            let part = |name: &str| object.data.get(name).cloned().unwrap_or_default();
            Self {
                spec: part("spec"),
                ..Self::new::<K>(&object, object.object_ref(&kind), part("status"))
            }
        }))
    }

    /// An object whose type cannot read it, with a zero in the place of each number or boolean that is none. For its
    /// deletion, which needs none of them. `None` when there is no such object, or when something else is wrong.
    ///
    /// # Errors
    /// What the API server answers.
    pub(crate) async fn mended<K>(client: &Client, key: &ObjectKey) -> Result<Option<K>, kube::Error>
    where
        K: Resource<DynamicType = ()> + CustomResourceExt + DeserializeOwned,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &key.namespace, &kind);
        let Some(object) = api.get_opt(&key.name).await? else {
            return Ok(None);
        };
        let mut object = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
        if let Some(spec) = object.get_mut("spec") {
            mistyped::<K>(spec);
        }
        Ok(serde_json::from_value(object).ok())
    }

    fn new<K>(object: &impl ResourceExt, about: ObjectReference, status: Value) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        Self {
            kind: ApiResource::erase::<K>(&()),
            key: ObjectKey::of(object),
            version: object.resource_version(),
            uid: object.uid(),
            generation: object.meta().generation,
            about,
            status,
            spec: Value::Null,
        }
    }

    /// Its conditions.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let stored = self.status.get("conditions").cloned().unwrap_or_default();
        serde_json::from_value(stored).unwrap_or_default()
    }

    /// Writes the difference to `after`; returns whether there was one.
    ///
    /// # Errors
    /// What the API server answers; a conflict means: read again.
    pub(crate) async fn write(&self, client: &Client, after: &Value) -> Result<bool, kube::Error> {
        let Some(status) = merge_patch(&self.status, after) else {
            return Ok(false);
        };
        let body = serde_json::json!({
            "metadata": {"resourceVersion": self.version},
            "status": status,
        });
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &self.key.namespace, &self.kind);
        api.patch_status(&self.key.name, &PatchParams::default(), &Patch::Merge(body))
            .await?;
        Ok(true)
    }
}
