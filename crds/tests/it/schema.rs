//! Properties of the generated schema that people and tools rely on.

use serde_json::Value;

/// Calls `visit` with every schema below, its path, and whether it lies inside a list or map.
fn walk(path: &str, schema: &Value, inside: bool, visit: &mut impl FnMut(&str, &Value, bool)) {
    visit(path, schema, inside);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, inside, visit);
    }
    for keyword in ["items", "additionalProperties"] {
        if schema[keyword].is_object() {
            walk(&format!("{path}[]"), &schema[keyword], true, visit);
        }
    }
}

fn every_schema(mut visit: impl FnMut(&str, &Value, bool)) {
    for crd in mesolith_crds::typed() {
        let crd = serde_json::to_value(&crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        let plural = crd["spec"]["names"]["plural"].as_str().unwrap();
        for part in ["spec", "status"] {
            walk(&format!("{plural}.{part}"), &schema[part], false, &mut visit);
        }
    }
}

#[test]
fn defaults_do_not_look_like_drift() {
    let mut wrong = Vec::new();
    every_schema(|path, schema, inside| {
        if !schema["default"].is_null() && (inside || path.contains(".status")) {
            wrong.push(path.to_owned());
        }
    });
    assert!(
        wrong.is_empty(),
        "the API server would write into lists or status: {wrong:#?}"
    );
}

#[test]
fn every_field_is_documented() {
    let mut wrong = Vec::new();
    every_schema(|path, schema, _| {
        if !path.ends_with("[]") && schema["description"].as_str().unwrap_or_default().is_empty() {
            wrong.push(path.to_owned());
        }
    });
    assert!(wrong.is_empty(), "without a description: {wrong:#?}");
}

#[test]
fn lists_maps_and_texts_of_specs_are_bounded() {
    let mut wrong = Vec::new();
    every_schema(|path, schema, _| {
        if !path.contains(".spec") {
            return;
        }
        let bounded = match schema["type"].as_str() {
            Some("array") => schema["maxItems"].is_u64(),
            Some("object") if schema["additionalProperties"].is_object() => schema["maxProperties"].is_u64(),
            Some("integer" | "number") => !schema["minimum"].is_null(),
            _ => true,
        };
        let free_text =
            schema["type"] == "string" && schema["maxLength"].is_null() && schema["enum"].is_null();
        // Values of maps are bounded by the size of the object.
        if !bounded || (free_text && !path.ends_with("[]")) {
            wrong.push(path.to_owned());
        }
    });
    assert!(wrong.is_empty(), "without a bound: {wrong:#?}");
}

#[test]
fn null_means_absent() {
    every_schema(|path, schema, _| {
        assert!(
            path.ends_with(".status") || schema["nullable"].is_null(),
            "{path} is nullable"
        );
    });
}
