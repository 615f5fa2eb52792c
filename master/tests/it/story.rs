//! From subscription to the end of a task.

use serde_json::json;

use crate::agent::Agent;
use crate::master::{Master, eventually};
use crate::scheduler::{Scheduler, info};

const RESOURCES: &str = "cpus:4;mem:4096;disk:1000;ports:[31000-31009]";

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_and_ends_and_is_remembered() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new(RESOURCES);
    let _connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    assert!(scheduler.id.ends_with("-0000"), "{}", scheduler.id);
    let offer = scheduler.offer().await;
    assert_eq!(offer["hostname"], "127.0.0.1");
    assert_eq!(offer["url"]["path"], "/slave(1)");
    assert_eq!(offer["attributes"][0]["text"]["value"], "a");
    scheduler.launch(&offer, "t1", 1.0).await;
    let status = scheduler.wait_status("t1", "TASK_RUNNING").await;
    scheduler.acknowledge(&status).await;
    eventually("the acknowledgement", || async {
        agent.memory.lock().unwrap().acknowledged.first().cloned()
    })
    .await;
    assert_eq!(agent.memory.lock().unwrap().traces[0].len(), 55);
    // What is left is offered again at the next run.
    let rest = scheduler.offer().await;
    assert_eq!(rest["resources"][0]["scalar"]["value"], 3.0);

    let state = master.get("/state").await;
    assert_eq!(state["frameworks"][0]["tasks"][0]["state"], "TASK_RUNNING");
    assert_eq!(state["slaves"][0]["used_resources"]["cpus"], 1.0);
    assert_eq!(state["slaves"][0]["attributes"], json!({"rack": "a"}));

    let kill = json!({"kill": {"task_id": {"value": "t1"}}});
    assert_eq!(scheduler.call("KILL", kill).await.status(), 202);
    let status = scheduler.wait_status("t1", "TASK_KILLED").await;
    scheduler.acknowledge(&status).await;
    eventually("the completed task", || async {
        let state = master.get("/state").await;
        (state["frameworks"][0]["completed_tasks"][0]["id"] == "t1").then_some(())
    })
    .await;
    assert_eq!(scheduler.call("TEARDOWN", json!({})).await.status(), 202);
    while scheduler.next().await.is_some() {}
    eventually("the agent's word", || async {
        agent.memory.lock().unwrap().shut_down.first().cloned()
    })
    .await;
    let again = Scheduler::subscribe(&master, info(Some(&scheduler.id))).await;
    assert_eq!(again.id, "Framework has been removed");
    master.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scheduler_takes_over_and_the_first_is_told() {
    let master = Master::leading(&[]).await;
    let mut first = Scheduler::subscribe(&master, info(None)).await;
    let second = Scheduler::subscribe(&master, info(Some(&first.id))).await;
    assert_eq!(second.id, first.id);
    assert_eq!(
        first.wait("ERROR").await["error"]["message"],
        "Framework failed over"
    );
    assert!(first.next().await.is_none());
    let refused = first.call("REVIVE", json!({})).await;
    assert_eq!(refused.status(), 400);
    let text = refused.text().await.unwrap();
    assert!(
        text.starts_with("The stream ID '") && text.ends_with(&first.id),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_agent_connection_rescinds_and_a_new_one_offers_again() {
    let master = Master::leading(&[]).await;
    let agent = Agent::new(RESOURCES);
    let connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t1", 1.0).await;
    scheduler.wait_status("t1", "TASK_RUNNING").await;
    scheduler.offer().await;
    drop(connection);
    scheduler.wait("RESCIND").await;
    let _connection = agent.connect(master.port).await;
    let again = scheduler.offer().await;
    assert_eq!(again["agent_id"]["value"].as_str(), agent.id().as_deref());
    // The task was never lost.
    let reconcile = json!({"reconcile": {"tasks": [{"task_id": {"value": "t1"}}]}});
    scheduler.call("RECONCILE", reconcile).await;
    let status = scheduler.wait("UPDATE").await["update"]["status"].clone();
    assert_eq!(status["state"], "TASK_RUNNING");
    assert_eq!(status["message"], "Reconciliation: Latest task state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_agent_becomes_unreachable_and_comes_back_with_its_tasks() {
    let flags = ["--agent_ping_timeout", "200ms", "--max_agent_ping_timeouts", "3"];
    let master = Master::leading(&flags).await;
    let agent = Agent::new(RESOURCES);
    let connection = agent.connect(master.port).await;
    let mut scheduler = Scheduler::subscribe(&master, info(None)).await;
    let offer = scheduler.offer().await;
    scheduler.launch(&offer, "t1", 1.0).await;
    scheduler.wait_status("t1", "TASK_RUNNING").await;
    drop(connection);
    let status = scheduler.wait_status("t1", "TASK_UNREACHABLE").await;
    assert_eq!(status["message"], "health check timed out");
    assert!(status["unreachable_time"]["nanoseconds"].is_number());
    scheduler.wait("FAILURE").await;
    let _connection = agent.connect(master.port).await;
    let status = scheduler.wait_status("t1", "TASK_RUNNING").await;
    assert_eq!(status["message"], "Unreachable agent re-reregistered");
    assert_eq!(status["reason"], "REASON_AGENT_REREGISTERED");
}
