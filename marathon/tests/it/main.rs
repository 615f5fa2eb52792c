//! Marathon's rules seen from outside the crate.

mod definitions;
mod placements;
mod simulation;

use mesolith_marathon::{App, offer};
use serde_json::{Value, json};

/// The example of the product requirements, as people have it in their repositories.
pub(crate) fn web_app() -> Value {
    json!({
        "id": "/production/web-app",
        "container": {
            "type": "DOCKER",
            "docker": {
                "image": "nginx:1.21",
                "network": "BRIDGE",
                "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]
            },
            "volumes": [{"containerPath": "/data", "hostPath": "/mnt/data", "mode": "RW"}]
        },
        "instances": 10, "cpus": 1.0, "mem": 2048, "disk": 1024,
        "env": {"ENV": "production", "LOG_LEVEL": "info"},
        "healthChecks": [{"protocol": "HTTP", "path": "/health", "portIndex": 0, "intervalSeconds": 30,
                          "timeoutSeconds": 10, "maxConsecutiveFailures": 3}],
        "constraints": [["rack", "GROUP_BY", "2"]],
        "upgradeStrategy": {"minimumHealthCapacity": 0.8, "maximumOverCapacity": 0.2}
    })
}

/// `sleep 1` on the host's network, with more fields.
pub(crate) fn app(more: Value) -> App {
    let mut json = json!({"id": "/a", "cmd": "sleep 1", "cpus": 0.1, "mem": 32});
    for (key, value) in more.as_object().into_iter().flatten() {
        json[key] = value.clone();
    }
    App::parse(json).expect("a valid app")
}

/// An agent's whole offer.
pub(crate) fn offer(host: &str, rack: &str, cpus: f64, ports: (u16, u16)) -> offer::Offer {
    let scalar = |index, name: &str, amount| offer::Resource {
        index,
        name: name.into(),
        role: "*".into(),
        value: offer::Value::Scalar(offer::Amount::new(amount)),
    };
    offer::Offer {
        id: format!("offer-{host}"),
        agent: offer::Agent {
            id: format!("agent-{host}"),
            hostname: host.into(),
            attributes: [("rack".to_owned(), rack.to_owned())].into(),
            ..offer::Agent::default()
        },
        role: "*".into(),
        resources: vec![
            scalar(0, "cpus", cpus),
            scalar(1, "mem", 8192.0),
            scalar(2, "disk", 10000.0),
            offer::Resource {
                value: offer::Value::Ranges(vec![ports]),
                ..scalar(3, "ports", 0.0)
            },
        ],
    }
}
