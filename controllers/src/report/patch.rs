//! The smallest status patch, or none.

use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Writes the difference between two statuses of an object; returns whether there was one.
///
/// The patch carries the resource version that `object` was read at: a decision made on a stale object is refused
/// with a conflict instead of overwriting newer facts.
///
/// # Errors
/// What the API server answers; a conflict means: read again.
pub(crate) async fn write_status<K, S>(
    client: &Client,
    object: &K,
    before: &S,
    after: &S,
) -> Result<bool, kube::Error>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
    S: Serialize,
{
    let before = serde_json::to_value(before).map_err(kube::Error::SerdeError)?;
    let after = serde_json::to_value(after).map_err(kube::Error::SerdeError)?;
    let Some(status) = merge_patch(&before, &after) else {
        return Ok(false);
    };
    let mut body = serde_json::json!({ "status": status });
    if let Some(version) = object.resource_version() {
        body["metadata"] = serde_json::json!({ "resourceVersion": version });
    }
    let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(body))
        .await?;
    Ok(true)
}

/// A JSON merge patch (RFC 7386) from one value to the other; `None` when they are equal.
pub(crate) fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(previous) => {
                if let Some(change) = merge_patch(previous, value) {
                    patch.insert(key.clone(), change);
                }
            }
            // Null in a merge patch means removal: a field that is new and null is no change.
            None if value.is_null() => {}
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::merge_patch;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::equal(json!({"a": 1}), json!({"a": 1}), None)]
    #[case::changed(json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3}), Some(json!({"b": 3})))]
    #[case::removed(json!({"a": 1}), json!({}), Some(json!({"a": null})))]
    #[case::nested(json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "y": 3}}), Some(json!({"a": {"y": 3}})))]
    #[case::lists_are_values(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})))]
    #[case::first_status(json!(null), json!({"a": 1}), Some(json!({"a": 1})))]
    #[case::new_null(json!({}), json!({"a": null}), None)]
    fn patches(#[case] before: Value, #[case] after: Value, #[case] expected: Option<Value>) {
        assert_eq!(merge_patch(&before, &after), expected);
    }
}
