//! What options become, and which are refused.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const ALL: Policy = Policy { privileged: true };

/// The body that the engine gets, as JSON.
fn asked(parameters: &[(&str, &str)], policy: Policy) -> Result<Value, String> {
    let parameters: Vec<Parameter> = parameters
        .iter()
        .map(|(key, value)| Parameter {
            key: (*key).into(),
            value: (*value).into(),
        })
        .collect();
    let mut body = ContainerCreateBody::default();
    let mut host = HostConfig {
        network_mode: Some("net1".into()),
        ..HostConfig::default()
    };
    apply(&parameters, policy, &mut body, &mut host)?;
    host.network_mode = None;
    if host != HostConfig::default() {
        body.host_config = Some(host);
    }
    Ok(serde_json::to_value(body).unwrap())
}

#[rstest]
#[case("label", "team=core", json!({"Labels": {"team": "core"}}))]
#[case("tty", "", json!({"Tty": true}))]
#[case("expose", "80", json!({"ExposedPorts": {"80/tcp": {}}}))]
#[case("volume-driver", "local", json!({"HostConfig": {"VolumeDriver": "local"}}))]
#[case("log-driver", "syslog", json!({"HostConfig": {"LogConfig": {"Type": "syslog"}}}))]
#[case("log-opt", "max-size=1m", json!({"HostConfig": {"LogConfig": {"Config": {"max-size": "1m"}}}}))]
#[case("device", "/dev/fuse", json!({"HostConfig": {"Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rwm"}]}}))]
#[case("--device", "/dev/a:/dev/b:r", json!({"HostConfig": {"Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "r"}]}}))]
#[case("privileged", "true", json!({"HostConfig": {"Privileged": true}}))]
#[case("cpus", "1.5", json!({"HostConfig": {"NanoCpus": 1_500_000_000}}))]
#[case("shm-size", "64m", json!({"HostConfig": {"ShmSize": 64 << 20}}))]
#[case("memory-swap", "-1", json!({"HostConfig": {"MemorySwap": -1}}))]
#[case("ulimit", "nofile=10:20", json!({"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}]}}))]
#[case("gpus", "all", json!({"HostConfig": {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}}))]
#[case("device-read-bps", "/dev/a:1mb", json!({"HostConfig": {"BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 1 << 20}]}}))]
#[case("mount", "type=bind,src=/a,dst=/b,readonly", json!({"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": true}]}}))]
#[case("mount", "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777", json!({"HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1777}}]}}))]
#[case("net-alias", "db", json!({"NetworkingConfig": {"EndpointsConfig": {"net1": {"Aliases": ["db"]}}}}))]
#[case("ip", "192.0.2.9", json!({"NetworkingConfig": {"EndpointsConfig": {"net1": {"IPAMConfig": {"IPv4Address": "192.0.2.9"}}}}}))]
#[case("health-cmd", "true", json!({"Healthcheck": {"Test": ["CMD-SHELL", "true"]}}))]
#[case("health-interval", "1m30s", json!({"Healthcheck": {"Interval": 90_000_000_000_i64}}))]
#[case("no-healthcheck", "", json!({"Healthcheck": {"Test": ["NONE"]}}))]
fn what_the_engine_knows_is_carried(#[case] key: &str, #[case] value: &str, #[case] expected: Value) {
    assert_eq!(asked(&[(key, value)], ALL).unwrap(), expected);
}

#[test]
fn options_add_up_and_an_alias_follows_the_network() {
    let both = asked(
        &[("log-opt", "a=1"), ("log-driver", "syslog"), ("log-opt", "b=2")],
        ALL,
    );
    let log = json!({"Type": "syslog", "Config": {"a": "1", "b": "2"}});
    assert_eq!(both.unwrap(), json!({"HostConfig": {"LogConfig": log}}));
    let moved = asked(&[("net-alias", "db"), ("net", "net2")], ALL).unwrap();
    let endpoints = json!({"net2": {"Aliases": ["db"]}});
    assert_eq!(moved["NetworkingConfig"]["EndpointsConfig"], endpoints);
}

#[rstest]
#[case("restart", "always", "scheduler")]
#[case("name", "x", "names its containers")]
#[case("publish", "80:80", "container.portMappings")]
#[case("stop-timeout", "5", "taskKillGracePeriodSeconds")]
#[case("env-file", "/x", "use env")]
#[case("no-such-option", "x", "no such option")]
#[case("health-nothing", "x", "no such option")]
#[case("label", "io.mesolith.work-dir=/other", "Use another label")]
#[case("l", "io.mesolith.x", "Use another label")]
fn the_rest_is_refused_by_name_with_what_to_do(#[case] key: &str, #[case] value: &str, #[case] why: &str) {
    let error = asked(&[(key, value)], ALL).unwrap_err();
    assert!(
        error.contains(&format!("'{key}'")) && error.contains(why),
        "{error}"
    );
}

#[rstest]
#[case("pids-limit", "many")]
#[case("init", "yes")]
#[case("cpus", "-1")]
#[case("cpus", "inf")]
#[case("memory", "1x")]
#[case("device", "fuse")]
#[case("device", "/dev/a:/dev/b:z")]
#[case("log-opt", "max-size")]
#[case("health-interval", "30")]
#[case("health-interval", "")]
#[case("mount", "type=bind,src=/a")]
#[case("mount", "type=magic,dst=/b")]
#[case("cgroupns", "other")]
#[case("gpus", "some")]
fn a_value_that_is_none_is_named(#[case] key: &str, #[case] value: &str) {
    let error = asked(&[(key, value)], ALL).unwrap_err();
    assert!(
        error.contains(&format!("'{key}'")) && error.contains(value),
        "{error}"
    );
}

#[test]
fn privileged_is_the_operators_to_allow() {
    let strict = Policy { privileged: false };
    let error = asked(&[("privileged", "true")], strict).unwrap_err();
    assert!(error.contains("--docker_privileged"), "{error}");
    assert!(asked(&[("privileged", "false")], strict).is_ok());
}
