//! Every CEL rule: what it accepts and what it refuses, and that the refusal is the rule's own sentence.
//!
//! Cases are data, `rules/*.yaml`. `base` is a valid spec; each case names its rule by the beginning of its message
//! and gives merge patches of the base: `accept` and `reject`. With `from`, that object exists first and the patches
//! are updates of it; `status` is its status then. Cases with `says` instead of `rule` are about types and bounds; with
//! both, the server says this of the rule: a part of its message, or what its message expression makes.

use std::collections::BTreeSet;

use mesolith_testkit::ApiServer;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Resource, Verdict};

#[derive(Deserialize)]
struct Table {
    kind: String,
    plural: String,
    base: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: Option<String>,
    says: Option<String>,
    from: Option<Value>,
    status: Option<Value>,
    accept: Value,
    reject: Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_accepts_and_refuses() {
    let server = ApiServer::start().unwrap();
    server.wait_for_policies().unwrap();
    let client = server.client().await.unwrap();
    let mut wrong = Vec::new();
    for text in [
        include_str!("rules/mesos_cluster.yaml"),
        include_str!("rules/marathon_app.yaml"),
        include_str!("rules/zk_migration.yaml"),
    ] {
        let table: Table = serde_saphyr::from_str(text).unwrap();
        let rules = rules_of(&table.kind);
        let resource = Resource::new(client.clone(), &table.kind, &table.plural);
        let mut tested = BTreeSet::new();
        if let Err(refusal) = resource.dry_create(&table.base).await {
            wrong.push(format!("{}: base is refused: {refusal}", table.kind));
        }
        for (number, case) in table.cases.iter().enumerate() {
            let expected = match (&case.rule, &case.says) {
                (Some(start), says) => {
                    let matching: Vec<&String> = rules.iter().filter(|m| m.starts_with(start)).collect();
                    assert_eq!(matching.len(), 1, "{}: {start:?} begins {matching:?}", table.kind);
                    tested.insert(matching[0].clone());
                    says.clone().unwrap_or_else(|| matching[0].clone())
                }
                (None, Some(says)) => says.clone(),
                (None, None) => panic!("{} case {number}: neither rule nor says", table.kind),
            };
            let name = format!("case-{number}");
            let (accepted, refused) = verdicts(&resource, &name, &table.base, case).await;
            if let Err(refusal) = accepted {
                wrong.push(format!(
                    "{} {expected:?} refuses {}: {refusal}",
                    table.kind, case.accept
                ));
            }
            match refused {
                Ok(_) => wrong.push(format!("{} {expected:?} accepts {}", table.kind, case.reject)),
                Err(refusal) if !refusal.contains(&expected) => {
                    wrong.push(format!(
                        "{} {expected:?} is not what is said: {refusal}",
                        table.kind
                    ));
                }
                Err(_) => {}
            }
        }
        let untested: Vec<&String> = rules.difference(&tested).collect();
        if !untested.is_empty() {
            wrong.push(format!("{}: rules without a case: {untested:#?}", table.kind));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn verdicts(resource: &Resource, name: &str, base: &Value, case: &Case) -> (Verdict, Verdict) {
    let Some(from) = &case.from else {
        let accepted = resource.dry_create(&merged(base, &case.accept)).await;
        return (accepted, resource.dry_create(&merged(base, &case.reject)).await);
    };
    let from = merged(base, from);
    if let Err(refusal) = resource.create(name, &from).await {
        return (Err(format!("`from` is refused: {refusal}")), Err(refusal));
    }
    let refused = resource.dry_replace(name, &merged(&from, &case.reject)).await;
    // The status comes second: it is what turns a refusal into an acceptance.
    if let Some(status) = &case.status {
        resource.set_status(name, status).await.unwrap();
    }
    (
        resource.dry_replace(name, &merged(&from, &case.accept)).await,
        refused,
    )
}

/// RFC 7396.
fn merged(base: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut result = base.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            result.remove(name);
        } else {
            let present = result.get(name).cloned().unwrap_or(Value::Null);
            result.insert(name.clone(), merged(&present, value));
        }
    }
    Value::Object(result)
}

/// The messages of all rules in the schema of a kind and in its admission policy.
fn rules_of(kind: &str) -> BTreeSet<String> {
    fn collect(schema: &Value, into: &mut BTreeSet<String>) {
        match schema {
            Value::Object(fields) => {
                for rule in fields
                    .get("x-kubernetes-validations")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    // A rule of a single value is about its type; cases with `says` try those.
                    if fields.contains_key("x-kubernetes-int-or-string") {
                        continue;
                    }
                    into.insert(
                        rule["message"]
                            .as_str()
                            .expect("every rule has a message")
                            .to_owned(),
                    );
                }
                fields.values().for_each(|inner| collect(inner, into));
            }
            Value::Array(items) => items.iter().for_each(|inner| collect(inner, into)),
            _ => {}
        }
    }
    let mut messages = BTreeSet::new();
    for crd in mesolith_crds::definitions()
        .iter()
        .filter(|crd| crd.spec.names.kind == kind)
    {
        let mut crd = serde_json::to_value(crd).unwrap();
        // Nobody but the operator writes a status.
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"].take();
        collect(&crd, &mut messages);
    }
    let policies = mesolith_crds::policies();
    let validations = policies
        .iter()
        .filter(|object| {
            let resources = &object["spec"]["matchConstraints"]["resourceRules"][0]["resources"][0];
            *resources == format!("{}s", kind.to_lowercase())
        })
        .flat_map(|object| object["spec"]["validations"].as_array().unwrap());
    messages.extend(
        validations
            .filter(|validation| validation["messageExpression"].is_null())
            .map(|validation| validation["message"].as_str().unwrap().to_owned()),
    );
    messages
}
