//! What every generated schema gets: `null` means absent, formats the API server knows, no drifting defaults.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::scalar::ENVIRONMENT;

/// For a spec: see the module doc, and defaults only where a GitOps tool does not see them as drift.
pub(crate) fn spec(schema: &mut Schema) {
    tidy(schema.ensure_object(), Defaults::OutsideLists);
}

/// For a status: no defaults at all; its only writer writes what it means. Conditions are a list by type in each.
pub(crate) fn status(schema: &mut Schema) {
    let schema = schema.ensure_object();
    tidy(schema, Defaults::Never);
    let conditions = schema
        .get_mut("properties")
        .and_then(|properties| properties.get_mut("conditions"))
        .and_then(Value::as_object_mut);
    if let Some(conditions) = conditions {
        conditions.insert("maxItems".to_owned(), json!(32));
        conditions.insert("x-kubernetes-list-type".to_owned(), json!("map"));
        conditions.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    }
}

/// A CEL rule and what a person reads when it fails: the field, what is wrong, what to do.
pub(crate) type Rules = &'static [(&'static str, &'static str)];

/// Adds CEL rules to a schema.
pub(crate) fn rules(schema: &mut Schema, rules: Rules) {
    let rules = rules
        .iter()
        .map(|(rule, message)| json!({"rule": rule, "message": message}))
        .collect();
    schema.insert("x-kubernetes-validations".to_owned(), Value::Array(rules));
}

/// A map from names to texts, see [`crate::scalar::Scalar::Environment`].
pub(crate) fn environment(_: &mut schemars::SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 512,
        "additionalProperties": {"type": "string", "title": ENVIRONMENT},
    })
}

/// A field that is not taken any more: it stands in the schema so that a rule can name its new place. Without it the
/// API server would only say "unknown field".
pub(crate) struct OldField {
    /// Its name.
    pub(crate) name: &'static str,
    /// What people write there.
    pub(crate) kind: OldKind,
    /// The new place, as a person reads it.
    pub(crate) instead: &'static str,
}

/// The kind of value of an old field.
#[derive(Clone, Copy)]
pub(crate) enum OldKind {
    /// A text.
    Text,
    /// An object.
    Object,
    /// A list of texts or numbers.
    Scalars,
    /// A list of objects.
    Objects,
}

/// Adds fields that are refused with the name of their new place. `parent` is the path of their object.
pub(crate) fn old_fields(schema: &mut Schema, parent: &str, fields: &[OldField]) {
    let schema = schema.ensure_object();
    for OldField { name, kind, instead } in fields {
        let object = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let scalar = json!({"x-kubernetes-int-or-string": true});
        let mut field = match kind {
            OldKind::Text => json!({"type": "string", "maxLength": 1024}),
            OldKind::Object => object,
            OldKind::Scalars => json!({"type": "array", "maxItems": 1024, "items": scalar}),
            OldKind::Objects => json!({"type": "array", "maxItems": 1024, "items": object}),
        };
        field["description"] = json!(format!("Old form, refused: use {instead}."));
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert((*name).to_owned(), field);
        }
        let rule = json!({
            "rule": format!("!has(self.{name})"),
            "message": format!("{parent}.{name} is an old form of Marathon: use {instead}"),
        });
        let rules = schema
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Value::Array(rules) = rules {
            rules.push(rule);
        }
    }
}

/// A map from names to values of any shape, checked by the controller: the API server cannot type a union of text
/// and object.
pub(crate) fn map_of_any(_: &mut schemars::SchemaGenerator) -> Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 512,
        "additionalProperties": {"x-kubernetes-preserve-unknown-fields": true},
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Defaults {
    OutsideLists,
    Never,
}

fn tidy(schema: &mut Map<String, Value>, defaults: Defaults) {
    drop_null(schema);
    keep_known_format(schema);
    let keep = defaults == Defaults::OutsideLists
        && matches!(
            schema.get("default"),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_))
        );
    if !keep {
        schema.remove("default");
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            if let Value::Object(property) = property {
                tidy(property, defaults);
            }
        }
    }
    for (keyword, inner) in [
        ("items", Defaults::Never),
        ("additionalProperties", Defaults::Never),
    ] {
        if let Some(Value::Object(item)) = schema.get_mut(keyword) {
            tidy(item, inner);
        }
    }
}

/// The API server prunes `null` from fields that are not nullable, so that rules may trust `has()`.
fn drop_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        let real: Vec<Value> = branches
            .iter()
            .filter(|b| b.get("type") != Some(&json!("null")))
            .cloned()
            .collect();
        if let [Value::Object(only)] = real.as_slice() {
            schema.remove("anyOf");
            for (keyword, value) in only {
                schema.entry(keyword.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    schema.remove("nullable");
}

/// Formats outside this list only produce warnings; unsigned ones become a lower bound.
fn keep_known_format(schema: &mut Map<String, Value>) {
    let Some(format) = schema.get("format").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    if !["int32", "int64", "double", "float", "date-time"].contains(&format.as_str()) {
        schema.remove("format");
        if format.starts_with('u') {
            schema.entry("minimum").or_insert_with(|| json!(0));
        }
    }
}
