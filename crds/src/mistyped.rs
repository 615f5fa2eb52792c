//! The sentences about numbers, booleans and an environment of the wrong kind in an object that is stored: where no
//! admission policy is in force, the API server takes such an object and its type cannot read it.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{
    loose,
    scalar::{Scalar, Step, label, path},
};

/// Puts a zero or a false in the place of each value of the wrong kind and returns a sentence for each, in the order of
/// the fields. None: that the type cannot read the spec has another reason.
pub fn mistyped<K: CustomResourceExt>(spec: &mut Value) -> Vec<String> {
    let schema = json!(K::crd()).pointer(loose::SPEC).cloned().unwrap_or_default();
    let mut found = Vec::new();
    look(&schema, spec, &mut Vec::new(), &mut found);
    found
}

fn look(schema: &Value, value: &mut Value, way: &mut Vec<Step>, found: &mut Vec<String>) {
    if let Some(scalar) = Scalar::of(schema) {
        if let Some(sentence) = sentence(scalar, value, way) {
            *value = if scalar == Scalar::Flag {
                json!(false)
            } else {
                json!(0)
            };
            found.push(sentence);
        }
        return;
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get_mut(name) {
            way.push(Step::Field(name.clone()));
            look(field, value, way, found);
            way.pop();
        }
    }
    for value in value.as_array_mut().into_iter().flatten() {
        way.push(Step::Each);
        look(&schema["items"], value, way, found);
        way.pop();
    }
}

fn sentence(scalar: Scalar, value: &Value, way: &[Step]) -> Option<String> {
    let fits = match scalar {
        Scalar::Whole => value.is_i64() || value.is_u64(),
        Scalar::Number => value.is_number(),
        Scalar::Flag => value.is_boolean(),
        // Read as it is, and refused by name where the app is read.
        Scalar::Environment => true,
    };
    if fits {
        return None;
    }
    let (path, label, needed) = (path(way), label(way), scalar.needed());
    Some(match value {
        Value::String(text) if in_quotes(scalar, text) => {
            format!("{path}: {text:?} is a text; write it without quotes: {label}{text}")
        }
        Value::String(text) => format!("{path}: {text:?} is a text; {needed}"),
        _ => format!("{path}: {needed}"),
    })
}

/// As [`Scalar::quoted`].
fn in_quotes(scalar: Scalar, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = text.strip_prefix('-').unwrap_or(text);
    match scalar {
        Scalar::Whole => digits(amount),
        Scalar::Flag => ["true", "false"].contains(&text),
        Scalar::Number | Scalar::Environment => {
            digits(amount)
                || amount
                    .split_once('.')
                    .is_some_and(|(whole, part)| digits(whole) && digits(part))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1alpha1::{MarathonApp, MarathonAppSpec, MesosCluster};

    #[test]
    fn every_value_of_the_wrong_kind_has_its_sentence() {
        let mut app = json!({
            "instances": "3", "cpus": "0.1", "mem": "lots", "disk": true, "requirePorts": "true", "tty": 1,
            "env": {"A": 1}, "backoffFactor": 2, "gpus": 1.5,
            "fetch": [{"uri": "http://a", "extract": true}, {"uri": "http://b", "extract": "no"}],
            "readinessChecks": [{"httpStatusCodesForReady": [200, "201"]}],
        });
        assert_eq!(
            mistyped::<MarathonApp>(&mut app),
            [
                r#"spec.cpus: "0.1" is a text; write it without quotes: cpus: 0.1"#,
                "spec.disk: a number is needed",
                r#"spec.fetch[].extract: "no" is a text; true or false is needed"#,
                "spec.gpus: a whole number is needed",
                r#"spec.instances: "3" is a text; write it without quotes: instances: 3"#,
                r#"spec.mem: "lots" is a text; a number is needed"#,
                r#"spec.readinessChecks[].httpStatusCodesForReady[]: "201" is a text; write it without quotes: 201"#,
                r#"spec.requirePorts: "true" is a text; write it without quotes: requirePorts: true"#,
                "spec.tty: true or false is needed",
            ]
        );
        assert!(
            serde_json::from_value::<MarathonAppSpec>(app).is_ok(),
            "it can be read now"
        );
        let mut cluster = json!({"paused": "yes", "agents": [{"name": "a", "limits": {"cpus": "1"}}]});
        assert_eq!(
            mistyped::<MesosCluster>(&mut cluster),
            [
                r#"spec.agents[].limits.cpus: "1" is a text; write it without quotes: cpus: 1"#,
                r#"spec.paused: "yes" is a text; true or false is needed"#,
            ]
        );
    }
}
