//! What is installed of a resource: its types, with numbers and booleans let pass so that it is we who refuse them.
//!
//! A whole number stays checked by the definition itself: CEL sees a value that is a number or a text. A value that may
//! be a fraction or a boolean it cannot see, so that [`crate::admission`] looks at those.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value, json};

use crate::scalar::Scalar;

/// The definition with its numbers and booleans let pass. Statuses, which only the operator writes, keep their types.
pub(crate) fn definition(typed: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut crd = json!(typed);
    if let Some(spec) = crd.pointer_mut(SPEC) {
        loosen(spec, "");
    }
    // What `json!` made of it is read back by the same type.
    serde_json::from_value(crd).unwrap_or(typed)
}

/// The schema of the spec in a definition.
pub(crate) const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";

fn loosen(schema: &mut Value, name: &str) {
    let scalar = Scalar::of(schema);
    let Value::Object(fields) = schema else { return };
    match scalar {
        Some(Scalar::Whole) => whole(fields, name),
        Some(scalar @ (Scalar::Number | Scalar::Flag)) => {
            pass(fields, scalar, "x-kubernetes-preserve-unknown-fields");
        }
        Some(Scalar::Environment) => {
            fields.insert(
                "additionalProperties".to_owned(),
                json!({"x-kubernetes-preserve-unknown-fields": true}),
            );
        }
        None => {
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (name, property) in properties {
                    loosen(property, name);
                }
            }
            if let Some(items) = fields.get_mut("items") {
                loosen(items, "");
            }
        }
    }
}

fn pass(fields: &mut Map<String, Value>, scalar: Scalar, as_what: &str) {
    fields.remove("type");
    fields.remove("format");
    fields.insert(as_what.to_owned(), json!(true));
    if let Some(Value::String(description)) = fields.get_mut("description") {
        *description = format!("{}. {description}", scalar.in_words());
    }
}

fn whole(fields: &mut Map<String, Value>, name: &str) {
    pass(fields, Scalar::Whole, "x-kubernetes-int-or-string");
    // Without it a rule would be as costly as a text of the size of a request.
    fields.insert("maxLength".to_owned(), json!(LONGEST));
    let label = if name.is_empty() {
        String::new()
    } else {
        format!("{name}: ")
    };
    let (quoted, needed) = (Scalar::Whole.quoted(), Scalar::Whole.needed());
    let sentence = format!(
        "'\"' + string(self) + '\" is a text; ' + (string(self).matches('{quoted}') ? \
         'write it without quotes: {label}' + string(self) : '{needed}')"
    );
    fields.insert(
        "x-kubernetes-validations".to_owned(),
        json!([{"rule": WHOLE, "message": needed, "messageExpression": sentence}]),
    );
}

/// The rule of every whole number.
const WHOLE: &str = "type(self) == int";

/// The longest text in the place of a whole number that has our sentence.
const LONGEST: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::{self, path};

    /// Whatever is a number or a boolean in the types is let pass, and has a rule or a sentence of the policy.
    #[test]
    fn nothing_is_left_to_the_words_of_the_api_server() {
        let policies = json!(crate::policies()).to_string();
        for (typed, installed) in crate::typed().iter().zip(crate::definitions()) {
            let schema = |crd| json!(crd).pointer(SPEC).cloned().unwrap();
            assert_eq!(scalar::below(&schema(&installed)), []);
            let below = scalar::below(&schema(typed));
            assert!(!below.is_empty());
            for (way, scalar) in below {
                let path = path(&way);
                let beginning = if scalar == Scalar::Environment {
                    format!("'{path}.'")
                } else {
                    format!("'{path}: '")
                };
                let said = policies.contains(&beginning);
                assert_eq!(said, scalar != Scalar::Whole, "{path}");
            }
        }
    }
}
