//! Reading definitions: older forms, defaults, and everything that is refused.

use mesolith_marathon::{
    App,
    app::{NetworkMode, normalise::normalise},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{app, web_app};

#[test]
fn the_requirements_example_reads() {
    let app = App::parse(web_app()).expect("valid");
    assert_eq!(app.network_mode(), NetworkMode::Bridge);
    let mapping = &app.definition.container.as_ref().unwrap().port_mappings[0];
    assert_eq!((mapping.container_port, mapping.host_port), (80, Some(0)));
    assert_eq!(app.definition.health_checks[0].grace_period_seconds, 300);
    assert_eq!(app.constraints[0].to_string(), "[rack, GROUP_BY, 2]");
}

/// A changed value would restart every app of every user at the upgrade.
#[test]
fn versions_are_steady_over_releases() {
    assert_eq!(App::parse(web_app()).unwrap().version, "90aa6e89f9f08b66");
    assert_eq!(app(json!({})).version, "acc21d732395368d");
}

#[test]
fn old_and_new_forms_are_the_same_version() {
    let canonical = normalise(web_app()).unwrap();
    assert_eq!(
        App::parse(canonical).unwrap().version,
        App::parse(web_app()).unwrap().version
    );
}

#[test]
fn only_instances_leave_the_version_alone() {
    let base = app(json!({}));
    assert_eq!(app(json!({"instances": 7})).version, base.version);
    for change in [
        json!({"cpus": 0.2}),
        json!({"labels": {"a": "b"}}),
        json!({"cmd": "sleep 2"}),
    ] {
        assert_ne!(app(change).version, base.version);
    }
}

#[rstest]
#[case::host_by_default(json!({}), "/networks", json!([{"mode": "host"}]))]
#[case::one_port_by_default(json!({}), "/portDefinitions", json!([{"port": 0, "protocol": "tcp", "name": "default"}]))]
#[case::explicitly_no_ports(json!({"portDefinitions": []}), "/portDefinitions", json!([]))]
#[case::ports(json!({"ports": [80]}), "/portDefinitions", json!([{"port": 80, "protocol": "tcp"}]))]
#[case::uris(json!({"uris": ["http://x/a.tgz"]}), "/fetch", json!([{"uri": "http://x/a.tgz", "extract": true}]))]
#[case::nulls(json!({"ports": null}), "/networks", json!([{"mode": "host"}]))]
#[case::bridge_without_container(
    json!({"networks": [{"mode": "container/bridge"}]}),
    "/container",
    json!({"type": "MESOS", "portMappings": [{"containerPort": 0, "name": "default", "hostPort": 0}]})
)]
#[case::docker_host_drops_mappings(
    json!({"container": {"docker": {"image": "i", "network": "HOST", "portMappings": [{"containerPort": 1}]}}}),
    "/container",
    json!({"docker": {"image": "i"}})
)]
#[case::single_instance(
    json!({"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}}),
    "/upgradeStrategy",
    json!({"minimumHealthCapacity": 0.0, "maximumOverCapacity": 0.0})
)]
fn normalisation(#[case] more: Value, #[case] pointer: &str, #[case] expect: Value) {
    let mut json = json!({"id": "/a", "cmd": "x"});
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    assert_eq!(normalise(json).unwrap().pointer(pointer), Some(&expect));
}

#[rstest]
#[case(json!({"id": "/"}), "/id: must not be root")]
#[case(json!({"cmd": null}), "/: AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")]
#[case(json!({"args": ["x"]}), "/: AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")]
#[case(json!({"cpus": 0}), "/cpus: got 0, expected 0.001 or more")]
#[case(json!({"constraints": [["a", "NEAR"]]}),
    "/constraints(0): operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS")]
#[case(json!({"upgradeStrategy": {"minimumHealthCapacity": 1.2, "maximumOverCapacity": 0}}),
    "/upgradeStrategy/minimumHealthCapacity: got 1.2, expected between 0.0 and 1.0")]
#[case(json!({"container": {"type": "DOCKER"}}), "/container/docker: not defined")]
#[case(json!({"healthChecks": [{"portIndex": 3}]}),
    "/healthChecks(0): Health check port indices must address an element of the ports array or container port mappings.")]
#[case(json!({"networks": [{"mode": "host", "name": "x"}]}), "/networks(0): Host networks may not have names or labels")]
#[case(json!({"networks": [{"mode": "container/bridge"}], "portDefinitions": [{"port": 1}]}),
    "/portDefinitions: portDefinitions are only allowed with host-networking")]
#[case(json!({"unreachableStrategy": {"inactiveAfterSeconds": 2, "expungeAfterSeconds": 1}}),
    "/unreachableStrategy: inactiveAfterSeconds (2) must be less or equal to expungeAfterSeconds, which is 1")]
#[case(json!({"env": {"A": {"secret": "s"}}}),
    "/secrets: Feature secrets is not enabled. Enable with --enable_features secrets)")]
#[case(json!({"uris": ["a"], "fetch": [{"uri": "b"}]}), "/uris: may not be set in conjunction with fetch")]
#[case(json!({"ports": [1], "portDefinitions": [{"port": 2}]}), "/: cannot specify both ports and port definitions")]
#[case(json!({"killSelection": "RANDOM"}), "/: \"RANDOM\" is not one of YOUNGEST_FIRST, OLDEST_FIRST")]
fn refused(#[case] more: Value, #[case] expect: &str) {
    let mut json = json!({"id": "/a", "cmd": "x"});
    for (key, value) in more.as_object().unwrap() {
        json[key] = value.clone();
    }
    let found: Vec<String> = App::parse(json)
        .expect_err("invalid")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, [expect]);
}

#[test]
fn unreachable_strategy_may_be_disabled_and_enums_ignore_case() {
    app(json!({"unreachableStrategy": "disabled", "killSelection": "oldest_first"}));
}
