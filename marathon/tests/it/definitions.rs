//! Reading definitions: older forms, defaults, and everything that is refused.

use std::collections::BTreeMap;

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
    "/secrets: secrets are not supported by this version: write the value into env, or mount a file of the agent")]
#[case(json!({"env": {"SMTP_PORT": 587}}), "/env/SMTP_PORT: 587 is a number; quote it: SMTP_PORT: \"587\"")]
#[case::blank_cmd(json!({"cmd": " \n"}), "/cmd: must not be blank: the shell would end at once")]
#[case::empty_cmd(json!({"cmd": ""}), "/cmd: must not be blank: the shell would end at once")]
#[case::blank_program(json!({"cmd": null, "args": ["", "x"]}), "/args(0): must name the program to run")]
#[case::blank_user(json!({"user": " "}), "/user: must not be blank")]
#[case::blank_uri(json!({"fetch": [{"uri": " "}]}), "/fetch(0)/uri: must not be blank")]
#[case::blank_image(json!({"container": {"docker": {"image": " "}}}), "/container/docker/image: must not be empty")]
#[case::blank_check(json!({"healthChecks": [{"protocol": "COMMAND", "command": {"value": " "}}]}),
    "/healthChecks(0)/command/value: must not be blank: it would always pass")]
#[case::nul(json!({"env": {"A": "x\u{0}"}}), "/env/A: must not contain the character NUL")]
#[case::name(json!({"env": {"A=B": "x"}}),
    "/env/A=B: the name of a variable must not be empty and must not contain = or NUL")]
#[case::too_long(json!({"env": {"A": "x".repeat(131_070)}}),
    "/env/A: takes 131072 bytes, and Linux starts no program with more than 131071 in one text: put it into a file")]
#[case::too_long_altogether(json!({"env": (0..12).map(|n| (format!("A{n:02}"), "x".repeat(131_067))).collect::<BTreeMap<_, _>>()}),
    "/env: takes 1572970 bytes together with cmd and args, and a program is started with 1572864 at most: put some of it into files")]
#[case::role(json!({"role": "-x"}), "/role: Role component '-x' is invalid because it starts with a dash")]
#[case::foreign_role(json!({"role": "a", "acceptedResourceRoles": ["*", "a", "b"]}),
    "/acceptedResourceRoles: acceptedResourceRoles can only contain * and a")]
#[case::no_role(json!({"acceptedResourceRoles": ["b"]}),
    "/acceptedResourceRoles: acceptedResourceRoles can only contain *: set role to use another")]
#[case::same_host_port(json!({"networks": [{"mode": "container/bridge"}], "container": {"docker": {"image": "i"},
    "portMappings": [{"hostPort": 31052, "protocol": "udp"}, {"hostPort": 31052, "protocol": "udp,tcp"}]}}),
    "/container/portMappings: two mappings ask for udp port 31052 of the host: change one hostPort, or use 0 for any")]
#[case::protocol(json!({"portDefinitions": [{"protocol": "sctp"}]}),
    "/portDefinitions: protocol \"sctp\" must be tcp, udp or \"udp,tcp\"")]
#[case::unreachable_check(json!({"networks": [{"mode": "container", "name": "n"}], "healthChecks": [{}],
    "container": {"docker": {"image": "i"}, "portMappings": [{"containerPort": 80}]}}),
    "/healthChecks(0): the port has no hostPort, so only the agent can reach it: set hostPort: 0, or use MESOS_HTTP, \
     MESOS_TCP or COMMAND")]
#[case::networks(json!({"networks": [{"name": "a"}, {"name": "b"}], "container": {"type": "MESOS"}}),
    "/networks: more than one network is not supported by this version: keep one")]
#[case(json!({"uris": ["a"], "fetch": [{"uri": "b"}]}), "/uris: may not be set in conjunction with fetch")]
#[case(json!({"ports": [1], "portDefinitions": [{"port": 2}]}), "/: cannot specify both ports and port definitions")]
#[case(json!({"killSelection": "RANDOM"}), "/killSelection: \"RANDOM\" is not one of YOUNGEST_FIRST, OLDEST_FIRST")]
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
