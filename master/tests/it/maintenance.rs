//! Maintenance over HTTP, as a Mesos 1.11.0 answered it, with a framework that frees its machine.

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info, post};

const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn send(master: &Master, path: &str, body: &str) -> (u16, String) {
    let request = reqwest::Client::new()
        .post(master.url(path))
        .body(body.to_owned());
    let response = request.header(JSON.0, JSON.1).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn accepted(master: &Master, path: &str, body: Value) {
    let answer = send(master, path, &body.to_string()).await;
    assert_eq!(answer, (200, String::new()), "{path} {body}");
}

async fn get(master: &Master, path: &str) -> String {
    reqwest::get(master.url(path))
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

async fn ask(master: &Master, kind: &str) -> String {
    send(master, "/api/v1", &json!({"type": kind}).to_string())
        .await
        .1
}

/// What is sent to `/maintenance/schedule`, and the answer.
const SCHEDULES: &[(&str, &str)] = &[
    ("", "syntax error at line 1 near: "),
    ("[]", "Unexpected JSON type parsed"),
    (
        r#"{"windows":5}"#,
        "Not expecting a JSON number for field 'windows'",
    ),
    (
        r#"{"windows":[{"machine_ids":[{"hostname":"a"}]}]}"#,
        "Missing required fields: windows[0].unavailability",
    ),
    (
        r#"{"windows":[{"machine_ids":[{"hostname":"a"}],"unavailability":{}}]}"#,
        "Missing required fields: windows[0].unavailability.start",
    ),
    (
        r#"{"windows":[{"machine_ids":[],"unavailability":{"start":{"nanoseconds":1}}}]}"#,
        "List of machines in the maintenance window is empty",
    ),
];

/// The same for `/machine/down` and `/machine/up`.
const MACHINES: &[(&str, &str)] = &[
    ("", "syntax error at line 1 near: "),
    ("{}", "Unexpected JSON type parsed"),
    ("5", "Unexpected JSON type parsed"),
    ("[]", "List of machines is empty"),
    ("[5]", "Expecting a JSON object"),
    (r#"["x"]"#, "Expecting a JSON object"),
    ("[{}]", "Both 'hostname' and 'ip' for a machine are empty"),
    (r#"[{"ip":"x"}]"#, "Failed to parse IPv4: x"),
    (
        r#"[{"hostname":"a","ip":"10.9.9.9"}]"#,
        r#"Machine '{"hostname":"a","ip":"10.9.9.9"}' is not part of a maintenance schedule"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_word_for_word() {
    let master = Master::leading(&[]).await;
    for (body, text) in SCHEDULES {
        let answer = send(&master, "/maintenance/schedule", body).await;
        assert_eq!(answer, (400, (*text).to_owned()), "{body}");
    }
    for path in ["/machine/down", "/master/machine/up"] {
        for (body, text) in MACHINES {
            assert_eq!(
                send(&master, path, body).await,
                (400, (*text).to_owned()),
                "{path} {body}"
            );
        }
    }
    for kind in [
        "UPDATE_MAINTENANCE_SCHEDULE",
        "START_MAINTENANCE",
        "STOP_MAINTENANCE",
    ] {
        let text = format!(
            "Failed to validate master::Call: Expecting '{}' to be present",
            kind.to_lowercase()
        );
        assert_eq!(
            send(&master, "/api/v1", &json!({"type": kind}).to_string()).await,
            (400, text)
        );
    }
    let methods = [
        ("/maintenance/schedule", "PUT", "'GET', 'POST'"),
        ("/maintenance/status", "POST", "'GET'"),
        ("/machine/down", "GET", "'POST'"),
    ];
    for (path, method, right) in methods {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = reqwest::Client::new()
            .request(method.clone(), master.url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405);
        let text =
            format!("405 Method Not Allowed. Expecting one of {{ {right} }}, but received '{method}'.");
        assert_eq!(answer.text().await.unwrap(), text);
    }
    assert_eq!(get(&master, "/maintenance/schedule").await, "{}");
    assert_eq!(get(&master, "/maintenance/status?jsonp=cb").await, "cb({})");
    let schedule = r#"{"type":"GET_MAINTENANCE_SCHEDULE","get_maintenance_schedule":{"schedule":{}}}"#;
    assert_eq!(ask(&master, "GET_MAINTENANCE_SCHEDULE").await, schedule);
    let status = r#"{"type":"GET_MAINTENANCE_STATUS","get_maintenance_status":{"status":{}}}"#;
    assert_eq!(ask(&master, "GET_MAINTENANCE_STATUS").await, status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_is_asked_accepts_and_is_seen_to() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:4;mem:4096");
    let _connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t", 4.0).await;
    scheduler.wait_status("t", "TASK_RUNNING").await;
    let here = json!({"hostname": "127.0.0.1", "ip": "127.0.0.1"});
    let when = json!({"start": {"nanoseconds": 1_795_357_726_354_186_496_i64}, "duration": {"nanoseconds": 3_600_000_000_000_i64}});
    let window = json!({"machine_ids": [here], "unavailability": when});
    accepted(&master, "/maintenance/schedule", json!({"windows": [window]})).await;
    // Fields by name in the older endpoints, in the order of the message in the newer ones.
    let shown = concat!(
        r#"{"windows":[{"machine_ids":[{"hostname":"127.0.0.1","ip":"127.0.0.1"}],"unavailability":"#,
        r#"{"duration":{"nanoseconds":3600000000000},"start":{"nanoseconds":1795357726354186496}}}]}"#
    );
    assert_eq!(get(&master, "/maintenance/schedule").await, shown);
    let shown = concat!(
        r#"{"type":"GET_MAINTENANCE_SCHEDULE","get_maintenance_schedule":{"schedule":{"windows":[{"machine_ids":"#,
        r#"[{"hostname":"127.0.0.1","ip":"127.0.0.1"}],"unavailability":{"start":{"nanoseconds":1795357726354186496},"#,
        r#""duration":{"nanoseconds":3600000000000}}}]}}}"#
    );
    assert_eq!(ask(&master, "GET_MAINTENANCE_SCHEDULE").await, shown);
    let status = r#"{"draining_machines":[{"id":{"hostname":"127.0.0.1","ip":"127.0.0.1"}}]}"#;
    assert_eq!(get(&master, "/maintenance/status").await, status);

    let inverse = scheduler.wait("INVERSE_OFFERS").await["inverse_offers"]["inverse_offers"][0].clone();
    let id = inverse["id"]["value"].as_str().unwrap();
    let expected = json!({
        "id": {"value": id},
        "url": {"scheme": "http", "address": {"hostname": "127.0.0.1", "ip": "127.0.0.1", "port": 5051}, "path": "/slave(1)"},
        "framework_id": {"value": scheduler.id},
        "agent_id": offer["agent_id"],
        "unavailability": when,
    });
    assert_eq!(inverse, expected);
    let frameworks: Value = serde_json::from_str(&ask(&master, "GET_FRAMEWORKS").await).unwrap();
    assert_eq!(
        frameworks["get_frameworks"]["frameworks"][0]["inverse_offers"],
        json!([expected])
    );
    let accept = json!({"accept_inverse_offers": {"inverse_offer_ids": [{"value": id}], "filters": {"refuse_seconds": 3600.0}}});
    assert_eq!(
        scheduler.call("ACCEPT_INVERSE_OFFERS", accept).await.status(),
        202
    );
    let said = eventually("its answer", || async {
        let status: Value = serde_json::from_str(&get(&master, "/maintenance/status").await).unwrap();
        let said = status["draining_machines"][0]["statuses"][0].clone();
        said.is_object().then_some(said)
    })
    .await;
    assert_eq!(
        (&said["status"], &said["framework_id"]["value"]),
        (&json!("ACCEPT"), &json!(scheduler.id))
    );
    assert!(said["timestamp"]["nanoseconds"].is_i64());

    accepted(
        &master,
        "/api/v1",
        json!({"type": "START_MAINTENANCE", "start_maintenance": {"machines": [here]}}),
    )
    .await;
    let lost = scheduler.wait_status("t", "TASK_LOST").await;
    assert_eq!(
        lost["message"],
        "Agent 127.0.0.1 removed: Operator initiated 'Machine DOWN'"
    );
    scheduler.wait("FAILURE").await;
    let down = r#"{"down_machines":[{"hostname":"127.0.0.1","ip":"127.0.0.1"}]}"#;
    eventually("the machine is down", || async {
        (get(&master, "/maintenance/status").await == down).then_some(())
    })
    .await;
    let told = || agent.memory.lock().unwrap().told_to_go.last().cloned();
    assert_eq!(
        eventually("word", || async { told() }).await,
        "Operator initiated 'Machine DOWN'"
    );
    agent.memory.lock().unwrap().tasks.clear();
    let again = agent.connect(master.port).await;
    eventually("the agent is turned away", || async {
        (told().as_deref() == Some("Machine is `DOWN`")).then_some(())
    })
    .await;
    drop(again);
    accepted(&master, "/machine/up", json!([here])).await;
    let _connection = agent.connect(master.port).await;
    let offer = scheduler.offer().await;
    assert!(offer.get("unavailability").is_none(), "{offer}");
    master.stop().await.unwrap();
}

/// The call of the newer API does what the older endpoint does.
#[tokio::test(flavor = "multi_thread")]
async fn both_apis_do_the_same() {
    let master = Master::leading(&[]).await;
    let other = json!({"hostname": "other", "ip": "127.0.0.9"});
    let window = json!({"machine_ids": [other], "unavailability": {"start": {"nanoseconds": 5}}});
    let update = json!({"schedule": {"windows": [window]}});
    let call = json!({"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": update});
    let answer = post(&master.url("/api/v1"), &call, &[JSON]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (200, String::new())
    );
    accepted(&master, "/machine/down", json!([other])).await;
    let clear = send(&master, "/maintenance/schedule", r#"{"windows": []}"#).await;
    let text = r#"Machine '{"hostname":"other","ip":"127.0.0.9"}' is deactivated and cannot be removed from the schedule"#;
    assert_eq!(clear, (400, text.to_owned()));
    accepted(
        &master,
        "/api/v1",
        json!({"type": "STOP_MAINTENANCE", "stop_maintenance": {"machines": [other]}}),
    )
    .await;
    eventually("nothing is scheduled", || async {
        (get(&master, "/maintenance/schedule").await == "{}").then_some(())
    })
    .await;
}
