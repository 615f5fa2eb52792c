//! The endpoints that only read.

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info, post};

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_answer_under_both_paths() {
    let master = Master::leading(&["--cluster", "prod"]).await;
    for path in [
        "/health",
        "/version",
        "/flags",
        "/state",
        "/state-summary",
        "/slaves",
        "/frameworks",
        "/roles",
        "/tasks",
    ] {
        for prefix in ["", "/master"] {
            let response = reqwest::get(master.url(&format!("{prefix}{path}")))
                .await
                .unwrap();
            assert_eq!(response.status(), 200, "{prefix}{path}");
        }
    }
    assert_eq!(master.get("/state").await["cluster"], "prod");
    let unknown = reqwest::get(master.url("/nope")).await.unwrap();
    assert_eq!(
        (unknown.status().as_u16(), unknown.text().await.unwrap().as_str()),
        (404, "404 Not Found.")
    );
    let script = reqwest::get(master.url("/slaves?jsonp=cb")).await.unwrap();
    assert_eq!(script.headers()["Content-Type"], "text/javascript");
    assert!(script.text().await.unwrap().starts_with("cb({"));
    let plain = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let redirect = plain.get(master.url("/redirect")).send().await.unwrap();
    assert_eq!(
        redirect.headers()["Location"],
        format!("//localhost:{}", master.port).as_str()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_compressed_for_those_who_ask() {
    let master = Master::leading(&[]).await;
    let get = |path: &str| {
        reqwest::Client::new()
            .get(master.url(path))
            .header("Accept-Encoding", "gzip")
            .send()
    };
    assert_eq!(get("/state").await.unwrap().headers()["Content-Encoding"], "gzip");
    assert!(
        !get("/roles")
            .await
            .unwrap()
            .headers()
            .contains_key("Content-Encoding")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_calls_answer_in_both_encodings() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:2;mem:512");
    let _connection = agent.connect(master.port).await;
    eventually("the agent", || async { agent.id() }).await;
    let _scheduler = Scheduler::subscribe(&master, info(None)).await;
    let url = master.url("/api/v1");
    let json_type = ("Content-Type", "application/json");
    let kinds = [
        "HEALTH",
        "VERSION",
        "FLAGS",
        "MASTER",
        "AGENTS",
        "FRAMEWORKS",
        "EXECUTORS",
        "TASKS",
        "ROLES",
        "STATE",
    ];
    for kind in kinds {
        let kind = format!("GET_{kind}");
        let answer: Value = post(&url, &json!({"type": kind}), &[json_type])
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(answer["type"], kind.as_str());
        let binary = post(
            &url,
            &json!({"type": kind}),
            &[json_type, ("Accept", "application/x-protobuf")],
        )
        .await;
        assert_eq!(binary.headers()["Content-Type"], "application/x-protobuf");
    }
    let metrics = json!({"type": "GET_METRICS", "get_metrics": {}});
    let metrics: Value = post(&url, &metrics, &[json_type]).await.json().await.unwrap();
    let elected = json!({"name": "master/elected", "value": 1.0});
    assert!(
        metrics["get_metrics"]["metrics"]
            .as_array()
            .unwrap()
            .contains(&elected)
    );
    let text = |body: Value| async move { post(&url, &body, &[json_type]).await };
    assert_eq!(text(json!({"type": "UNKNOWN"})).await.status(), 501);
}

/// Keys that Mesos has and we do not, each with its reason.
const ACCEPTED: &[(&str, &str)] = &[
    ("pid", "frameworks on the old driver only"),
    ("principal", "only when a framework names one"),
    ("reregistered_time", "only after a second registration"),
    ("role", "frameworks without MULTI_ROLE only"),
    ("labels", "only when set"),
    ("discovery", "only when set"),
    ("container_status", "what the agent reports"),
];

/// The keys of a recorded value must be in ours, at every level that both have.
fn missing(recorded: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                let path = format!("{path}.{key}");
                match ours.get(key) {
                    Some(own) => missing(value, own, &path, found),
                    None if ACCEPTED.iter().any(|(accepted, _)| accepted == key) => {}
                    None => found.push(path),
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(recorded), Some(own)) = (recorded.first(), ours.first()) {
                missing(recorded, own, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_those_of_mesos() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:4;mem:1024;disk:100;ports:[31000-31009]");
    let _connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t1", 1.0).await;
    scheduler.wait_status("t1", "TASK_RUNNING").await;
    let recorded = [
        ("/state", include_str!("../golden/state.json")),
        ("/slaves", include_str!("../golden/slaves.json")),
        ("/frameworks", include_str!("../golden/frameworks.json")),
        ("/state-summary", include_str!("../golden/state-summary.json")),
        ("/roles", include_str!("../golden/roles.json")),
        ("/tasks", include_str!("../golden/tasks.json")),
    ];
    for (path, recorded) in recorded {
        let mut found = Vec::new();
        missing(
            &serde_json::from_str(recorded).unwrap(),
            &master.get(path).await,
            path,
            &mut found,
        );
        // Reservations of the recorded cluster are not part of this one; flags are compared by name elsewhere.
        found.retain(|path| !path.contains("reserv") && !path.contains(".flags."));
        assert_eq!(found, Vec::<String>::new(), "{path}");
    }
}
