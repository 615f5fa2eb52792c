//! The smallest patch from one status to the other, or none. Pure.

use serde_json::{Map, Value};

/// A JSON merge patch (RFC 7386) from one value to the other; `None` when they are equal.
pub(super) fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
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
