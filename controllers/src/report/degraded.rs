//! Reports failures that last on the object, not only in logs.

use super::conditions::{Finding, Truth, conditions};
use super::patch::merge_patch;
use crate::context::Context;
use crate::controller::Trigger;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use serde_json::Value;

/// Condition type.
pub(crate) const DEGRADED: &str = "Degraded";
/// One or two failures in a row may be a lost connection. So many, with the pauses between them, are reported.
pub(crate) const TELL_AFTER: u32 = 5;

/// The conditions of an object as stored.
pub(crate) fn stored(status: &Value) -> Vec<Condition> {
    status
        .get("conditions")
        .cloned()
        .and_then(|conditions| serde_json::from_value(conditions).ok())
        .unwrap_or_default()
}

/// The new conditions; `None` when they stay. The same reason with another message is no change: an address or a time
/// in the message must not cause a write for every try.
pub(crate) fn after(
    before: &[Condition],
    failure: Option<(&str, &str)>,
    generation: Option<i64>,
    now: jiff::Timestamp,
) -> Option<Vec<Condition>> {
    let old = before.iter().find(|condition| condition.type_ == DEGRADED);
    match (old, failure) {
        (None, None) => None,
        (Some(_), None) => Some(
            before
                .iter()
                .filter(|condition| condition.type_ != DEGRADED)
                .cloned()
                .collect(),
        ),
        (Some(old), Some((reason, _))) if old.reason == reason && old.status == "True" => None,
        (_, Some((reason, message))) => {
            let finding = Finding {
                kind: DEGRADED,
                truth: Truth::True,
                reason: reason.to_owned(),
                message: message.to_owned(),
            };
            Some(conditions(before, &[finding], generation, now))
        }
    }
}

/// Writes or removes the condition, if that changes anything.
pub(crate) async fn tell<K: Resource<DynamicType = ()>>(
    cx: &Context,
    key: &Trigger,
    failure: Option<(&str, &str)>,
) -> Result<(), kube::Error> {
    let kind = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(cx.client.clone(), &key.namespace, &kind);
    let Some(object) = api.get_opt(&key.name).await? else {
        return Ok(());
    };
    let before = object
        .data
        .get("status")
        .cloned()
        .unwrap_or_else(|| serde_json::json!({}));
    let Some(new) = after(
        &stored(&before),
        failure,
        object.metadata.generation,
        jiff::Timestamp::now(),
    ) else {
        return Ok(());
    };
    let mut status = before.clone();
    status["conditions"] = serde_json::to_value(&new).map_err(kube::Error::SerdeError)?;
    let Some(patch) = merge_patch(&before, &status) else {
        return Ok(());
    };
    let body = serde_json::json!({
        "metadata": {"resourceVersion": object.metadata.resource_version},
        "status": patch,
    });
    api.patch_status(&key.name, &PatchParams::default(), &Patch::Merge(body))
        .await?;
    let news: Vec<&Condition> = new
        .iter()
        .filter(|condition| condition.type_ == DEGRADED)
        .collect();
    cx.announcer.announce(&object.object_ref(&kind), &news).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_told_once_and_taken_back_once() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(after(&[], None, Some(1), now), None);
        let told = after(&[], Some(("CallNode", "w1: refused")), Some(1), now).unwrap();
        assert_eq!(
            (told[0].type_.as_str(), told[0].status.as_str()),
            ("Degraded", "True")
        );
        assert_eq!(
            after(&told, Some(("CallNode", "w2: refused")), Some(1), now),
            None
        );
        let other = after(&told, Some(("WriteStatus", "x")), Some(1), now).unwrap();
        assert_eq!(other[0].reason, "WriteStatus");
        assert_eq!(after(&told, None, Some(1), now), Some(Vec::new()));
    }
}
