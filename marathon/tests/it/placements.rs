//! From an offer to a task: resources, ports, environment.

use mesolith_marathon::{
    App,
    offer::{Amount, Value as Amounts},
    placement::fit,
    shortage::{Mismatch, summarise},
    task,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{app, offer, web_app};

#[test]
fn a_fitting_offer_becomes_a_task() {
    let app = App::parse(web_app()).unwrap();
    let placement = fit(&app, &offer("w1", "a", 4.0, (31000, 31000)), &[], 0).expect("fits");
    let spec = task::spec(
        &app,
        "production/web-app",
        "2026-01-01T00:00:00.000Z",
        placement,
        Uuid::from_u128(1),
    );
    assert_eq!(
        spec.id.to_string(),
        "production_web-app.instance-00000000-0000-0000-0000-000000000001._app.1"
    );
    assert_eq!(spec.name, "web-app.production");
    assert_eq!((spec.ports[0].host, spec.ports[0].container), (31000, 80));
    for (name, value) in [
        ("MARATHON_APP_ID", "/production/web-app"),
        ("MARATHON_APP_DOCKER_IMAGE", "nginx:1.21"),
        ("MARATHON_APP_RESOURCE_CPUS", "1.0"),
        ("MARATHON_APP_RESOURCE_MEM", "2048.0"),
        ("MARATHON_APP_RESOURCE_GPUS", "0"),
        ("MESOS_TASK_ID", &spec.id.to_string()),
        ("HOST", "w1"),
        ("PORT", "31000"),
        ("PORT0", "31000"),
        ("PORTS", "31000"),
        ("PORT_80", "31000"),
        ("ENV", "production"),
    ] {
        assert_eq!(spec.env.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(spec.labels[task::LABEL_APP], "production/web-app");
    assert_eq!(spec.labels[task::LABEL_VERSION], app.version);
    assert_eq!(spec.labels[task::LABEL_PORTS], "31000");
}

#[test]
fn a_named_service_port_on_the_host_network() {
    let app = app(json!({
        "portDefinitions": [{"port": 10000, "name": "http-api"}, {"port": 0}],
        "labels": {"traefik.enable": "yes"}
    }));
    let placement = fit(&app, &offer("w1", "a", 4.0, (31000, 31001)), &[], 0).expect("fits");
    let spec = task::spec(&app, "ns/a", "v", placement, Uuid::from_u128(1));
    for (name, value) in [
        ("PORT_10000", "31000"),
        ("PORT_HTTP-API", "31000"),
        ("PORT_31001", "31001"),
        ("PORTS", "31000,31001"),
        ("MARATHON_APP_LABELS", "TRAEFIK_ENABLE"),
        ("MARATHON_APP_LABEL_TRAEFIK_ENABLE", "yes"),
    ] {
        assert_eq!(spec.env.get(name).map(String::as_str), Some(value), "{name}");
    }
}

/// The environment is for the process: what the agent publishes, checks and announces is what was assigned.
#[rstest]
#[case::bridge(json!({
    "networks": [{"mode": "container/bridge"}],
    "container": {"docker": {"image": "i"}, "portMappings": [{"containerPort": 0, "hostPort": 0, "name": "http"}]}
}))]
#[case::host(json!({"portDefinitions": [{"port": 0, "name": "http"}]}))]
fn the_apps_own_variables_assign_nothing(#[case] more: Value) {
    let mut more = more;
    let own = [
        "PORT0",
        "PORT",
        "PORTS",
        "PORT_HTTP",
        "PORT_31000",
        "HOST",
        "MESOS_TASK_ID",
        "MARATHON_APP_ID",
    ];
    more["env"] = own
        .iter()
        .map(|name| ((*name).to_owned(), json!("8080")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    more["healthChecks"] = json!([{"protocol": "MESOS_TCP"}]);
    let app = app(more);
    let placement = fit(&app, &offer("w1", "a", 4.0, (31000, 31000)), &[], 0).expect("fits");
    let spec = task::spec(&app, "ns/a", "v", placement, Uuid::from_u128(1));
    for name in own {
        assert_eq!(
            spec.env[name], "8080",
            "{name}: the user's value wins, as in Marathon"
        );
    }
    assert_eq!((spec.ports[0].host, spec.ports[0].container), (31000, 31000));
    assert_eq!(spec.labels[task::LABEL_PORTS], "31000");
}

/// A container on its own address that asks for any port gets the number that is announced for it.
#[test]
fn a_drawn_port_is_the_same_inside_and_outside() {
    let app = app(json!({
        "networks": [{"mode": "container", "name": "net"}],
        "container": {"docker": {"image": "i"}, "portMappings": [{"containerPort": 0}, {"containerPort": 80}]}
    }));
    let placement = fit(&app, &offer("w1", "a", 4.0, (31000, 31000)), &[], 0).expect("fits");
    let spec = task::spec(&app, "ns/a", "v", placement, Uuid::from_u128(7));
    let [drawn, fixed] = spec.ports.as_slice() else {
        panic!("{:?}", spec.ports)
    };
    assert_eq!((drawn.host, drawn.container), (0, 1032));
    assert_eq!((fixed.host, fixed.container), (0, 80));
    assert_eq!(
        (spec.env["PORT0"].as_str(), spec.env["PORTS"].as_str()),
        ("1032", "1032")
    );
}

#[test]
fn one_host_port_serves_tcp_and_udp() {
    let app = app(json!({
        "networks": [{"mode": "container/bridge"}],
        "container": {"docker": {"image": "i"}, "portMappings": [
            {"containerPort": 53, "hostPort": 31052, "protocol": "tcp"},
            {"containerPort": 53, "hostPort": 31052, "protocol": "udp"},
            {"containerPort": 54, "hostPort": 31053, "protocol": "udp,tcp"},
            {"containerPort": 55, "hostPort": 0}
        ]}
    }));
    let placement = fit(&app, &offer("w1", "a", 4.0, (31052, 31054)), &[], 0).expect("fits");
    assert_eq!(placement.host_ports, [31052, 31052, 31053, 31054]);
    let ports = placement.used.iter().find(|r| r.name == "ports").unwrap();
    assert_eq!(ports.value, Amounts::Ranges(vec![(31052, 31054)]));
    assert_eq!(
        fit(&app, &offer("w1", "a", 4.0, (31052, 31053)), &[], 0),
        Err(Mismatch::Ports { wanted: 3, free: 2 })
    );
}

#[test]
fn required_ports_are_exact() {
    let app = app(json!({"portDefinitions": [{"port": 80}], "requirePorts": true}));
    assert_eq!(
        fit(&app, &offer("w1", "a", 1.0, (31000, 31009)), &[], 0),
        Err(Mismatch::Port(80))
    );
    assert_eq!(
        fit(&app, &offer("w1", "a", 1.0, (79, 81)), &[], 0)
            .unwrap()
            .host_ports,
        [80]
    );
}

#[test]
fn roles_that_are_not_accepted_do_not_count() {
    let app = app(json!({"acceptedResourceRoles": ["*"]}));
    let mut offer = offer("w1", "a", 1.0, (31000, 31009));
    offer.resources[0].role = "web".into();
    assert!(matches!(
        fit(&app, &offer, &[], 0),
        Err(Mismatch::Scalar { name: "cpus", .. })
    ));
}

#[test]
fn the_sentence_for_an_app_that_is_too_large() {
    let app = app(json!({"cpus": 64}));
    let offers = [
        offer("worker1", "a", 4.0, (1, 2)),
        offer("worker014", "a", 12.5, (1, 2)),
    ];
    let found: Vec<(&str, Mismatch)> = offers
        .iter()
        .map(|o| (o.agent.hostname.as_str(), fit(&app, o, &[], 0).unwrap_err()))
        .collect();
    assert_eq!(
        summarise("*", found.iter().map(|(host, m)| (*host, m))).sentence,
        "no agent has 64 cpus (largest free: 12.5 on worker014)"
    );
}

proptest! {
    /// However many are placed on one offer, they never use more than it has, nor one port twice.
    #[test]
    fn launches_share_an_offer_without_overlap(cpus in 1u32..30, ports in 1u16..20, seed in any::<u64>()) {
        let app = app(json!({"cpus": 0.1, "portDefinitions": [{"port": 0}, {"port": 0}]}));
        let mut left = offer("w", "a", f64::from(cpus) / 10.0, (31000, 31000 + ports - 1));
        let mut used = Vec::new();
        let mut launched = 0u32;
        while let Ok(placement) = fit(&app, &left, &[], seed.wrapping_mul(u64::from(launched) + 1)) {
            used.extend(placement.host_ports.iter().copied());
            left.take(&placement.used);
            launched += 1;
        }
        prop_assert_eq!(launched, cpus.min(u32::from(ports) / 2));
        used.sort_unstable();
        let all = used.len();
        used.dedup();
        prop_assert_eq!(used.len(), all);
        prop_assert!(left.scalar("cpus", None) >= Amount::default());
    }
}
