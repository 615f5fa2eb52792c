//! Fields of the definition as they stand in the TaskInfo.

use super::*;
use crate::scheduler::scripted::master;
use mesolith_marathon::{placement, task};
use mesos::network_info::Protocol::IPv6;
use rstest::rstest;
use serde_json::{Value as Json, json};
use uuid::Uuid;

fn launched(more: Json) -> mesos::TaskInfo {
    let app = master::definition(more);
    let offered = master::offer("o1", "S1", 4.0);
    let place = placement::fit(&app, &offer(&offered), &[], 0).unwrap();
    let spec = task::spec(&app, "default/a", "2026-01-01T00:00:00.000Z", place, Uuid::nil());
    task_info(&spec, &offered)
}

#[rstest]
#[case::http("MESOS_HTTP", "IPv6", Some(IPv6))]
#[case::https("MESOS_HTTPS", "IPv6", Some(IPv6))]
#[case::tcp("MESOS_TCP", "IPv6", Some(IPv6))]
#[case::default("MESOS_TCP", "IPv4", None)]
fn a_check_by_the_agent_names_its_ip_protocol(
    #[case] protocol: &str,
    #[case] ip: &str,
    #[case] expect: Option<mesos::network_info::Protocol>,
) {
    let task = launched(json!({"healthChecks": [{"protocol": protocol, "ipProtocol": ip, "port": 80}]}));
    let check = task.health_check.unwrap();
    let http = check.http.map(|http| http.protocol);
    let tcp = check.tcp.map(|tcp| tcp.protocol);
    assert_eq!(http.or(tcp), Some(expect.map(i32::from)));
}

#[rstest]
#[case(json!({"tty": true, "container": {"docker": {"image": "i"}}}), true)]
#[case(json!({"tty": false, "container": {"docker": {"image": "i"}}}), false)]
#[case::not_supported_by_the_agent(json!({"tty": true, "container": {"type": "MESOS"}}), false)]
fn the_docker_engine_is_asked_for_a_terminal(#[case] more: Json, #[case] expect: bool) {
    let container = launched(more).container.unwrap();
    assert_eq!(container.tty_info.is_some(), expect);
}
