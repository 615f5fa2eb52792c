//! Decisions of operators over HTTP, as a Mesos 1.11.0 answered them; and that they outlive the master.

use mesolith_testkit_zookeeper::Ensemble;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info, post};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Makes an operator call; its status and text.
async fn operate(master: &Master, call: &Value) -> (u16, String) {
    let response = post(&master.url("/api/v1"), call, &[JSON]).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn accepted(master: &Master, call: Value) {
    assert_eq!(operate(master, &call).await, (200, String::new()), "{call}");
}

fn call(kind: &str, agent: &str, more: Value) -> Value {
    let field = kind.to_lowercase();
    let mut payload = json!({"agent_id": {"value": agent}});
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    json!({"type": kind, field: payload})
}

/// The one agent of a master as GET_AGENTS shows it.
async fn shown(master: &Master) -> Value {
    let answer = operate(master, &json!({"type": "GET_AGENTS"})).await.1;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["get_agents"]["agents"][0].clone()
}

async fn drain_state(master: &Master, state: &str) -> Value {
    eventually(&format!("the agent is {state}"), || async {
        let agent = shown(master).await;
        (agent["drain_info"]["state"] == state).then_some(agent)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_word_for_word() {
    let master = Master::leading(&[]).await;
    let cases = [
        ("DRAIN_AGENT", 400, "Unknown agent"),
        ("DEACTIVATE_AGENT", 400, "Unknown agent"),
        ("REACTIVATE_AGENT", 400, "Agent is not deactivated"),
        ("MARK_AGENT_GONE", 404, "Agent 'x' not found"),
    ];
    for (kind, status, text) in cases {
        let field = kind.to_lowercase();
        let broken = [
            (
                json!({"type": kind}),
                format!("Failed to validate master::Call: Expecting '{field}' to be present"),
            ),
            (
                json!({"type": kind, &field: {}}),
                format!(
                    "Failed to convert JSON into Call protobuf: Missing required fields: {field}.agent_id"
                ),
            ),
            (
                json!({"type": kind, &field: 5}),
                format!(
                    "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field '{field}'"
                ),
            ),
        ];
        for (call, text) in broken {
            assert_eq!(operate(&master, &call).await, (400, text), "{call}");
        }
        let refused = operate(&master, &call(kind, "x", json!({}))).await;
        assert_eq!(refused, (status, text.to_owned()), "{kind}");
    }
    let grace = call("DRAIN_AGENT", "x", json!({"max_grace_period": "1s"}));
    let text =
        "Failed to convert JSON into Call protobuf: Not expecting a JSON string for field 'max_grace_period'";
    assert_eq!(operate(&master, &grace).await, (400, text.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_agent_is_shown_as_mesos_shows_it() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:4;mem:4096");
    let _connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t", 1.0).await;
    let running = scheduler.wait_status("t", "TASK_RUNNING").await;
    scheduler.acknowledge(&running).await;
    let id = agent.id().unwrap();
    let numbers = async || master.get("/mesolith/agents").await["agents"][&id].clone();
    let first = eventually("the numbers", || async {
        let numbers = numbers().await;
        (numbers["active"] == true && numbers["tasks"] == 1 && numbers["unacknowledged_tasks"] == 0)
            .then_some(numbers)
    })
    .await;
    let names = master.get("/mesolith/agents").await["frameworks"].clone();
    let framework = first["frameworks"][0].as_str().unwrap();
    assert_eq!(
        (names[framework].as_str(), names.as_object().unwrap().len()),
        (Some("test"), 1)
    );
    assert_eq!(
        (&first["resources"]["cpus"], &first["used"]["cpus"]),
        (&json!(4.0), &json!(1.0))
    );
    assert_eq!(first["deactivated"], false);
    let slave = master.get("/slaves").await["slaves"][0].clone();
    assert_eq!(
        (&first["hostname"], &first["port"]),
        (&slave["hostname"], &slave["port"])
    );

    let grace = json!({"max_grace_period": {"seconds": 1, "nanos": 500_000_000}});
    accepted(&master, call("DRAIN_AGENT", &id, grace)).await;
    let killed = scheduler.wait_status("t", "TASK_KILLED").await;
    let agent_shown = drain_state(&master, "DRAINING").await;
    assert_eq!(
        (&agent_shown["active"], &agent_shown["deactivated"]),
        (&json!(false), &json!(true))
    );
    let config = json!({"max_grace_period": {"nanoseconds": 1_500_000_000}, "mark_gone": false});
    assert_eq!(agent_shown["drain_info"]["config"], config);
    let since = agent_shown["estimated_drain_start_time"]["nanoseconds"]
        .as_i64()
        .unwrap();
    assert_eq!(since % 1_000_000_000, 0, "whole seconds");
    for path in ["/slaves", "/state"] {
        let slave = master.get(path).await["slaves"][0].clone();
        assert_eq!(
            slave["drain_info"],
            json!({"state": "DRAINING", "config": config}),
            "{path}"
        );
        let seconds = slave["estimated_drain_start_time_seconds"].as_f64().unwrap();
        assert_eq!(seconds.floor() as i64, since / 1_000_000_000, "{path}");
        assert_eq!(
            (&slave["active"], &slave["deactivated"]),
            (&json!(false), &json!(true)),
            "{path}"
        );
    }
    let state = master.get("/state").await;
    assert_eq!(
        (&state["activated_slaves"], &state["deactivated_slaves"]),
        (&json!(0.0), &json!(1.0))
    );
    eventually("an end that nobody acknowledged", || async {
        let now = numbers().await;
        let left = (
            &now["active"],
            &now["deactivated"],
            &now["tasks"],
            &now["unacknowledged_tasks"],
        );
        let all = (&json!(false), &json!(true), &json!(0), &json!(1));
        (left == all && now["drain_state"] == "DRAINING").then_some(())
    })
    .await;
    let refused = operate(&master, &call("REACTIVATE_AGENT", &id, json!({}))).await;
    assert_eq!(refused, (400, "Agent is still in the DRAINING state".to_owned()));

    scheduler.acknowledge(&killed).await;
    drain_state(&master, "DRAINED").await;
    accepted(&master, call("REACTIVATE_AGENT", &id, json!({}))).await;
    assert_eq!(scheduler.offer().await["agent_id"]["value"], id.as_str());
    let agent_shown = shown(&master).await;
    assert_eq!(
        (&agent_shown["active"], &agent_shown["deactivated"]),
        (&json!(true), &json!(false))
    );
    assert!(agent_shown.get("drain_info").is_none());
    master.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_can_be_read_at_once() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new("cpus:4;mem:4096");
    let _connection = agent.connect(master.port).await;
    let id = eventually("an id", || async { agent.id() }).await;
    // One connection, so that nothing lies between the answer and the next request.
    let client = reqwest::Client::new();
    let ask = async |call: Value| {
        let request = client
            .post(master.url("/api/v1"))
            .header(JSON.0, JSON.1)
            .body(call.to_string());
        request.send().await.unwrap().text().await.unwrap()
    };
    for _ in 0..50 {
        for (kind, deactivated) in [("DEACTIVATE_AGENT", true), ("REACTIVATE_AGENT", false)] {
            assert_eq!(ask(call(kind, &id, json!({}))).await, "");
            let shown: Value = serde_json::from_str(&ask(json!({"type": "GET_AGENTS"})).await).unwrap();
            assert_eq!(shown["get_agents"]["agents"][0]["deactivated"], deactivated);
        }
    }
}

/// What operators decided is in ZooKeeper: the next leader acts on it before it offers anything.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_outlive_the_master() {
    let ensemble = Ensemble::start(1).await;
    let zk = ensemble.url("/mesos");
    let flags = ["--zk", zk.as_str()];
    let first = Master::leading(&flags).await;
    let second = Master::start(&flags).await;
    let agents = ["draining", "deactivated", "gone", "active"].map(|_| Agent::new("cpus:4;mem:4096"));
    let mut connections = Vec::new();
    for agent in &agents {
        connections.push(agent.connect(first.port).await);
        eventually("an id", || async { agent.id() }).await;
    }
    let ids = agents.each_ref().map(|agent| agent.id().unwrap());
    accepted(
        &first,
        call(
            "DRAIN_AGENT",
            &ids[0],
            json!({"max_grace_period": {"seconds": 7}}),
        ),
    )
    .await;
    accepted(&first, call("DEACTIVATE_AGENT", &ids[1], json!({}))).await;
    accepted(&first, call("MARK_AGENT_GONE", &ids[2], json!({}))).await;
    // One that is taken back is forgotten.
    accepted(&first, call("DEACTIVATE_AGENT", &ids[3], json!({}))).await;
    accepted(&first, call("REACTIVATE_AGENT", &ids[3], json!({}))).await;
    let window = json!({"machine_ids": [{"hostname": "127.0.0.1", "ip": "127.0.0.1"}], "unavailability": {"start": {"nanoseconds": 5}}});
    let update = json!({"schedule": {"windows": [window]}});
    accepted(
        &first,
        json!({"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": update}),
    )
    .await;
    drop(connections);
    first.stop().await.unwrap();

    second.wait_ready().await;
    let mut scheduler = Scheduler::subscribe(&second, info(None)).await;
    let mut connections = Vec::new();
    for agent in &agents {
        connections.push(agent.connect(second.port).await);
    }
    let offer = scheduler.offer().await;
    assert_eq!(offer["agent_id"]["value"], ids[3].as_str());
    assert_eq!(offer["unavailability"]["start"]["nanoseconds"], 5);
    let told = || agents[2].memory.lock().unwrap().told_to_go.last().cloned();
    let told = eventually("the gone agent is told to go", || async { told() }).await;
    assert_eq!(told, "Agent has been marked gone");
    let slaves = eventually("the others are back", || async {
        let slaves = second.get("/slaves").await["slaves"].as_array().unwrap().clone();
        (slaves.len() == 3).then_some(slaves)
    })
    .await;
    let of = |id: &str| slaves.iter().find(|slave| slave["id"] == id).unwrap();
    let config = json!({"max_grace_period": {"nanoseconds": 7_000_000_000_u64}, "mark_gone": false});
    assert_eq!(
        of(&ids[0])["drain_info"],
        json!({"state": "DRAINED", "config": config})
    );
    let deactivated = slaves.iter().filter(|slave| slave["deactivated"] == true).count();
    assert_eq!(
        (deactivated, &of(&ids[1])["active"], &of(&ids[3])["active"]),
        (2, &json!(false), &json!(true))
    );
    second.stop().await.unwrap();
}
