//! A walk over the schema: every field of a MarathonApp acts, is refused, or is reported as without effect.
//!
//! Each list has an example for each of its fields, so that a field cannot stand in a list by its name alone. A field
//! stands for everything below it.

use std::collections::BTreeSet;

use mesolith_crds::v1alpha1::MarathonApp;
use serde_json::{Value, json};

use super::fields;
use crate::marathon_app::validate;

/// Fields that act: the example makes another definition of the app.
fn acting() -> Vec<(&'static str, Value)> {
    let docker = |more: Value| json!({"container": {"docker": more}});
    let mapping = |more: Value| bridge(json!({"portMappings": [more]}));
    let volume = |mode: &str| json!({"containerPath": "/a", "hostPath": "/b", "mode": mode});
    let check = |more: Value| json!({"healthChecks": [more]});
    vec![
        ("id", json!({"id": "/other"})),
        ("cmd", json!({"cmd": "sleep 2"})),
        ("args", json!({"cmd": null, "args": ["sleep", "2"]})),
        ("user", json!({"user": "nobody"})),
        ("env", json!({"env": {"A": "b"}})),
        ("cpus", json!({"cpus": 2})),
        ("mem", json!({"mem": 64})),
        ("disk", json!({"disk": 1})),
        ("gpus", json!({"gpus": 1})),
        ("constraints", json!({"constraints": [["hostname", "UNIQUE"]]})),
        ("acceptedResourceRoles", json!({"acceptedResourceRoles": ["*"]})),
        ("role", json!({"role": "prod"})),
        ("fetch[].uri", json!({"fetch": [{"uri": "http://a.example/b"}]})),
        (
            "fetch[].extract",
            json!({"fetch": [{"uri": "u", "extract": false}]}),
        ),
        (
            "fetch[].executable",
            json!({"fetch": [{"uri": "u", "executable": true}]}),
        ),
        ("fetch[].cache", json!({"fetch": [{"uri": "u", "cache": true}]})),
        (
            "fetch[].destPath",
            json!({"fetch": [{"uri": "u", "destPath": "d"}]}),
        ),
        ("container.type", json!({"container": {"type": "MESOS"}})),
        ("container.docker.image", docker(json!({"image": "i"}))),
        (
            "container.docker.forcePullImage",
            docker(json!({"image": "i", "forcePullImage": true})),
        ),
        (
            "container.docker.privileged",
            docker(json!({"image": "i", "privileged": true})),
        ),
        (
            "container.docker.parameters",
            docker(json!({"image": "i", "parameters": [{"key": "k", "value": "v"}]})),
        ),
        (
            "container.volumes[].containerPath",
            json!({"container": {"type": "MESOS", "volumes": [volume("RW")]}}),
        ),
        (
            "container.volumes[].hostPath",
            json!({"container": {"type": "MESOS", "volumes": [volume("RW")]}}),
        ),
        (
            "container.volumes[].mode",
            json!({"container": {"type": "MESOS", "volumes": [volume("RO")]}}),
        ),
        (
            "container.portMappings[].containerPort",
            mapping(json!({"containerPort": 80})),
        ),
        (
            "container.portMappings[].hostPort",
            mapping(json!({"hostPort": 31000})),
        ),
        (
            "container.portMappings[].protocol",
            mapping(json!({"protocol": "udp"})),
        ),
        ("container.portMappings[].name", mapping(json!({"name": "n"}))),
        (
            "container.portMappings[].labels",
            mapping(json!({"labels": {"a": "b"}})),
        ),
        (
            "container.portMappings[].networkNames",
            json!({
                "networks": [{"name": "net"}],
                "container": {"type": "MESOS", "portMappings": [{"networkNames": ["net"]}]}
            }),
        ),
        (
            "networks[].mode",
            json!({"networks": [{"mode": "container/bridge"}]}),
        ),
        ("networks[].name", json!({"networks": [{"name": "net"}]})),
        (
            "portDefinitions[].port",
            json!({"portDefinitions": [{"port": 80}]}),
        ),
        (
            "portDefinitions[].protocol",
            json!({"portDefinitions": [{"protocol": "udp"}]}),
        ),
        (
            "portDefinitions[].name",
            json!({"portDefinitions": [{"name": "n"}]}),
        ),
        (
            "portDefinitions[].labels",
            json!({"portDefinitions": [{"labels": {"a": "b"}}]}),
        ),
        ("requirePorts", json!({"requirePorts": true})),
        ("healthChecks[].protocol", check(json!({"protocol": "TCP"}))),
        ("healthChecks[].path", check(json!({"path": "/x"}))),
        ("healthChecks[].portIndex", check(json!({"portIndex": 0}))),
        ("healthChecks[].port", check(json!({"port": 80}))),
        (
            "healthChecks[].command",
            check(json!({"protocol": "COMMAND", "command": {"value": "true"}})),
        ),
        (
            "healthChecks[].gracePeriodSeconds",
            check(json!({"gracePeriodSeconds": 1})),
        ),
        (
            "healthChecks[].intervalSeconds",
            check(json!({"intervalSeconds": 1})),
        ),
        (
            "healthChecks[].timeoutSeconds",
            check(json!({"timeoutSeconds": 1})),
        ),
        (
            "healthChecks[].maxConsecutiveFailures",
            check(json!({"maxConsecutiveFailures": 1})),
        ),
        (
            "healthChecks[].delaySeconds",
            check(json!({"protocol": "MESOS_TCP", "delaySeconds": 1})),
        ),
        (
            "healthChecks[].ipProtocol",
            check(json!({"protocol": "MESOS_TCP", "ipProtocol": "IPv6"})),
        ),
        ("backoffSeconds", json!({"backoffSeconds": 2})),
        ("backoffFactor", json!({"backoffFactor": 2})),
        ("maxLaunchDelaySeconds", json!({"maxLaunchDelaySeconds": 2})),
        (
            "taskKillGracePeriodSeconds",
            json!({"taskKillGracePeriodSeconds": 2}),
        ),
        (
            "upgradeStrategy",
            json!({"upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}}),
        ),
        ("labels", json!({"labels": {"a": "b"}})),
        ("killSelection", json!({"killSelection": "OLDEST_FIRST"})),
        (
            "tty",
            json!({"tty": true, "container": {"docker": {"image": "i"}}}),
        ),
        (
            "unreachableStrategy",
            json!({"unreachableStrategy": {"mode": "Disabled"}}),
        ),
    ]
}

/// Fields that act without being part of the definition.
const BESIDE: [&str; 2] = ["clusterRef", "instances"];

/// Fields that are refused by the controller.
fn refused() -> Vec<(&'static str, Value)> {
    let volume = |more: Value| json!({"container": {"type": "MESOS", "volumes": [more]}});
    vec![
        ("executor", json!({"executor": "/bin/mine"})),
        ("secrets", json!({"secrets": {"a": {"source": "b/c"}}})),
        (
            "container.volumes[].persistent",
            volume(json!({"containerPath": "a", "mode": "RW", "persistent": {"size": 1}})),
        ),
        (
            "container.volumes[].external",
            volume(
                json!({"containerPath": "a", "mode": "RW", "external": {"name": "n", "provider": "dvdi"}}),
            ),
        ),
        (
            "container.volumes[].secret",
            volume(json!({"containerPath": "a", "secret": "s"})),
        ),
    ]
}

/// Fields that the API server refuses by a rule, which has its example in the tests of the resources.
const REFUSED_BY_RULE: [&str; 7] = [
    "ports",
    "uris",
    "storeUrls",
    "ipAddress",
    "container.docker.network",
    "container.docker.portMappings",
    "container.docker.credential",
];

/// Fields that are reported as without effect.
fn without_effect() -> Vec<(&'static str, Value)> {
    vec![
        ("resourceLimits", json!({"resourceLimits": {"cpus": "2"}})),
        ("executorResources", json!({"executorResources": {"cpus": 0.1}})),
        ("check", json!({"check": {"tcp": {}}})),
        ("readinessChecks", json!({"readinessChecks": [{}]})),
        ("dependencies", json!({"dependencies": ["/db"]})),
        ("residency", json!({"residency": {}})),
        (
            "networks[].labels",
            json!({"networks": [{"mode": "container/bridge", "labels": {"a": "b"}}]}),
        ),
        (
            "healthChecks[].ignoreHttp1xx",
            json!({"healthChecks": [{"ignoreHttp1xx": true}]}),
        ),
        (
            "container.linuxInfo",
            json!({"container": {"type": "MESOS", "linuxInfo": {}}}),
        ),
        (
            "container.docker.pullConfig",
            json!({"container": {"type": "MESOS", "docker": {"image": "i", "pullConfig": {"secret": "s"}}}}),
        ),
        (
            "container.portMappings[].servicePort",
            bridge(json!({"portMappings": [{"servicePort": 10_000}]})),
        ),
    ]
}

fn bridge(container: Value) -> Value {
    let mut container = container;
    container["type"] = json!("MESOS");
    json!({"networks": [{"mode": "container/bridge"}], "container": container})
}

fn object(more: &Value) -> MarathonApp {
    let mut spec = json!({"cmd": "sleep 1"});
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "MarathonApp", "metadata": {"name": "a"}, "spec": spec,
    }))
    .unwrap()
}

/// The paths of all fields that hold a value.
fn leaves(path: &str, schema: &Value, into: &mut BTreeSet<String>) {
    if schema["items"]["properties"].is_object() {
        return leaves(&format!("{path}[]"), &schema["items"], into);
    }
    match schema["properties"].as_object() {
        Some(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(&format!("{path}{dot}{name}"), field, into);
            }
        }
        None => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn every_field_is_in_one_of_the_lists() {
    let crds = mesolith_crds::typed();
    let crd = crds
        .iter()
        .find(|crd| crd.spec.names.kind == "MarathonApp")
        .unwrap();
    let crd = serde_json::to_value(crd).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut all = BTreeSet::new();
    leaves("", spec, &mut all);
    let examples = [acting(), refused(), without_effect()].into_iter().flatten();
    let listed: Vec<&str> = examples
        .map(|(field, _)| field)
        .chain(BESIDE)
        .chain(REFUSED_BY_RULE)
        .collect();
    let covers = |field: &str, leaf: &str| {
        leaf.strip_prefix(field)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for leaf in &all {
        let by: Vec<&&str> = listed.iter().filter(|field| covers(field, leaf)).collect();
        assert_eq!(
            by.len(),
            1,
            "{leaf} is in {by:?}: put it into one of the lists, and see that it is true"
        );
    }
    for field in listed {
        assert!(
            all.iter().any(|leaf| covers(field, leaf)),
            "{field} is no field of the schema"
        );
    }
}

#[test]
fn what_acts_makes_another_app() {
    let without = |field: &str| match field {
        "container.docker.forcePullImage"
        | "container.docker.privileged"
        | "container.docker.parameters"
        | "tty" => {
            json!({"container": {"docker": {"image": "i"}}})
        }
        "fetch[].extract" | "fetch[].executable" | "fetch[].cache" | "fetch[].destPath" => {
            json!({"fetch": [{"uri": "u"}]})
        }
        "container.volumes[].mode" => {
            json!({"container": {"type": "MESOS", "volumes": [{"containerPath": "/a", "hostPath": "/b", "mode": "RW"}]}})
        }
        field if field.starts_with("container.portMappings[]") => bridge(json!({"portMappings": [{}]})),
        field if field.starts_with("portDefinitions[]") => json!({"portDefinitions": [{}]}),
        "healthChecks[].delaySeconds" | "healthChecks[].ipProtocol" => {
            json!({"healthChecks": [{"protocol": "MESOS_TCP"}]})
        }
        // Both are the default.
        "healthChecks[].portIndex" => json!({}),
        field if field.starts_with("healthChecks[]") => json!({"healthChecks": [{}]}),
        _ => json!({}),
    };
    for (field, example) in acting() {
        let version = |more: &Value| {
            validate::app(&object(more))
                .unwrap_or_else(|e| panic!("{field}: {e}"))
                .version
        };
        assert_ne!(
            version(&example),
            version(&without(field)),
            "{field} changes nothing"
        );
        let said = fields(&object(&example).spec);
        assert!(
            said.is_empty(),
            "{field} acts, and {said:?} is said to be without effect"
        );
    }
}

#[test]
fn what_is_refused_says_so() {
    for (field, example) in refused() {
        let Err(problem) = validate::app(&object(&example)) else {
            panic!("{field} is accepted")
        };
        let place = field.replace("[]", "[0]");
        assert!(
            problem.contains("not supported by this version"),
            "{field}: {problem}"
        );
        assert!(
            problem.contains(place.rsplit_once('.').map_or(&*place, |(parent, _)| parent)),
            "{field}: {problem}"
        );
    }
}

#[test]
fn what_has_no_effect_says_so() {
    for (field, example) in without_effect() {
        let said = fields(&object(&example).spec);
        assert_eq!(said, [format!("spec.{field}")]);
    }
    let user = object(&json!({"user": "nobody", "container": {"docker": {"image": "i"}}}));
    assert!(fields(&user.spec)[0].starts_with("spec.user (with type DOCKER"));
    let tty = object(&json!({"tty": true, "container": {"type": "MESOS"}}));
    assert!(fields(&tty.spec)[0].starts_with("spec.tty (only the Docker engine"));
}
