//! Admission policies that are installed with the definitions: what CEL cannot see there.
//!
//! A value that is let pass ([`crate::loose`]) has no type for the rules of a definition, but has one for a policy. So
//! a policy for each resource has a sentence for every number, boolean and environment, and the rules about them.

use serde_json::{Value, json};

use crate::{
    loose,
    scalar::{self, Scalar, Step},
    schema::Rules,
};

/// The policies and their bindings, as objects of `admissionregistration.k8s.io/v1`.
#[must_use]
pub fn policies() -> Vec<Value> {
    crate::typed()
        .iter()
        .flat_map(|crd| {
            let names = &crd.spec.names;
            let rules = match names.kind.as_str() {
                "MarathonApp" => crate::v1alpha1::marathon_app::POLICY,
                _ => &[],
            };
            let schema = json!(crd).pointer(loose::SPEC).cloned().unwrap_or_default();
            policy(&names.plural, &schema, rules)
        })
        .collect()
}

fn policy(plural: &str, schema: &Value, rules: Rules) -> [Value; 2] {
    let name = format!("{plural}.{}", crate::GROUP);
    let types = scalar::below(schema);
    let types = types.iter().filter_map(|(way, scalar)| check(way, *scalar));
    let rules = rules
        .iter()
        .map(|(rule, message)| json!({"expression": rule, "message": message}));
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [crate::GROUP], "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"], "resources": [plural],
                }]},
                // What is stored already can be labelled and deleted.
                "matchConditions": [{
                    "name": "spec-is-new",
                    "expression": "oldObject == null || object.spec != oldObject.spec",
                }],
                "validations": types.chain(rules).collect::<Vec<Value>>(),
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        }),
    ]
}

/// The check of one value; nothing where the definition itself checks it.
fn check(way: &[Step], scalar: Scalar) -> Option<Value> {
    if scalar == Scalar::Whole {
        return None;
    }
    let wrong = wrong(way, "object.spec", scalar);
    Some(json!({
        "expression": format!("!({wrong})"),
        "message": format!("{}: {}", scalar::path(way), scalar.needed()),
        "messageExpression": sentence(way, scalar),
    }))
}

/// Whether the value is there and of another kind. `from` is an expression of what the way begins at.
fn wrong(way: &[Step], from: &str, scalar: Scalar) -> String {
    match way.split_first() {
        Some((Step::Field(name), rest)) => {
            let field = format!("{from}.{name}");
            format!("has({field}) && {}", wrong(rest, &field, scalar))
        }
        Some((Step::Each, rest)) => format!("{from}.exists(i, {})", wrong(rest, "i", scalar)),
        None => match scalar {
            Scalar::Environment => format!("{from}.exists(k, !({}))", is_text(&format!("{from}[k]"))),
            Scalar::Flag => format!("type({from}) != bool"),
            Scalar::Whole | Scalar::Number => format!("type({from}) != int && type({from}) != double"),
        },
    }
}

/// A text, or a reference to a secret, which the operator refuses by name.
fn is_text(value: &str) -> String {
    format!(
        "type({value}) == string || type({value}) == map && 'secret' in {value} && type({value}.secret) == string"
    )
}

/// An expression of the first value that is wrong.
fn first_wrong(way: &[Step], scalar: Scalar) -> String {
    let mut value = "object.spec".to_owned();
    for (place, step) in way.iter().enumerate() {
        match step {
            Step::Field(name) => value = format!("{value}.{name}"),
            Step::Each => {
                let rest = way.get(place + 1..).unwrap_or_default();
                value = format!("{value}.filter(i, {})[0]", wrong(rest, "i", scalar));
            }
        }
    }
    value
}

fn sentence(way: &[Step], scalar: Scalar) -> String {
    let (path, label, needed) = (scalar::path(way), scalar::label(way), scalar.needed());
    let value = first_wrong(way, scalar);
    if scalar == Scalar::Environment {
        let quote = "'; quote it: ' + n + ': \"' + string(v) + '\"'";
        // The macro binds: a name, then its value.
        return format!(
            "{value}.filter(k, !({})).map(n, [{value}[n]].map(v, '{path}.' + n + ': ' + (\
             type(v) == bool ? string(v) + ' is a boolean' + {quote} : \
             type(v) == int || type(v) == double ? string(v) + ' is a number' + {quote} : \
             type(v) == list ? 'a list is no value here; {needed}' : \
             type(v) == map ? 'a map is no value here; {needed}' : '{needed}'))[0])[0]",
            is_text(&format!("{value}[k]"))
        );
    }
    format!(
        "'{path}: ' + [{value}].map(v, type(v) != string ? '{needed}' : '\"' + v + '\" is a text; ' + \
         (v.matches('{}') ? 'write it without quotes: {label}' + v : '{needed}'))[0]",
        scalar.quoted()
    )
}
