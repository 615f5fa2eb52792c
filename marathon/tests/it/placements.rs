//! From an offer to a task: resources, ports, environment.

use mesolith_marathon::{
    App,
    offer::Amount,
    placement::fit,
    shortage::{Mismatch, summarise},
    task,
};
use proptest::prelude::*;
use serde_json::json;
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
        summarise(found.iter().map(|(host, m)| (*host, m))).sentence,
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
