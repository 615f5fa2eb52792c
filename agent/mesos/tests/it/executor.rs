//! An executor of a framework, over the v1 executor API; the test plays it.

use std::time::Duration;

use futures::StreamExt;
use mesolith_proto::mesolith::session::v1::{ShutdownFramework, from_master};
use mesolith_proto::mesos::v1::{CommandInfo, ExecutorId, ExecutorInfo, TaskInfo, TaskState};
use mesolith_proto::recordio::RecordIo;
use serde_json::{Value, json};
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

use crate::agent::Agent;
use crate::eventually;
use crate::master::{FRAMEWORK, framework_id};
use crate::tasks::{grace, scalar, shell};

fn with_executor(id: &str) -> TaskInfo {
    with_executor_of(id, "env; sleep 1000")
}

fn with_executor_of(id: &str, script: &str) -> TaskInfo {
    TaskInfo {
        command: None,
        executor: Some(ExecutorInfo {
            executor_id: ExecutorId { value: "E".into() },
            command: Some(CommandInfo {
                value: Some(script.into()),
                ..Default::default()
            }),
            resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
            shutdown_grace_period: grace(1_500).grace_period,
            ..Default::default()
        }),
        ..shell(id, "")
    }
}

async fn call(agent: &Agent, kind: &str, mut body: Value) -> reqwest::Response {
    body["type"] = json!(kind);
    body["framework_id"] = json!({ "value": FRAMEWORK });
    body["executor_id"] = json!({ "value": "E" });
    let url = format!("http://127.0.0.1:{}/slave(1)/api/v1/executor", agent.port);
    let request = reqwest::Client::builder().http1_only().build().unwrap().post(url);
    let request = request
        .header("Content-Type", "application/json")
        .header("Accept", "application/json");
    request.body(body.to_string()).send().await.unwrap()
}

#[tokio::test]
async fn an_executor_subscribes_gets_tasks_and_reports() {
    let agent = Agent::start(&[]).await;
    agent.master.run(with_executor("a")).await;
    let env = agent.output("E", "MESOS_AGENT_ENDPOINT=").await;
    for expected in [
        "MESOS_EXECUTOR_ID=E\n",
        "MESOS_FRAMEWORK_ID=F-0000\n",
        "MESOS_SLAVE_ID=M-S0\n",
    ] {
        assert!(env.contains(expected), "{expected} in {env}");
    }
    assert_eq!(call(&agent, "UPDATE", json!({})).await.status(), 400);

    let stream = call(&agent, "SUBSCRIBE", json!({ "subscribe": {} })).await;
    assert_eq!(stream.status(), 200);
    let bytes = Box::pin(
        stream
            .bytes_stream()
            .map(|chunk| chunk.map_err(std::io::Error::other)),
    );
    let mut events = FramedRead::new(StreamReader::new(bytes), RecordIo::default());
    let mut next = async || -> Value {
        let record = tokio::time::timeout(Duration::from_secs(30), events.next())
            .await
            .unwrap();
        serde_json::from_slice(&record.unwrap().unwrap()).unwrap()
    };
    let subscribed = next().await;
    assert_eq!(subscribed["type"], "SUBSCRIBED");
    assert_eq!(subscribed["subscribed"]["agent_info"]["id"]["value"], "M-S0");
    assert_eq!(next().await["launch"]["task"]["task_id"]["value"], "a");

    agent.master.run(with_executor("b")).await;
    assert_eq!(next().await["launch"]["task"]["task_id"]["value"], "b");
    let uuid = "AAAAAAAAAAAAAAAAAAAAAQ==";
    let status = json!({ "task_id": { "value": "b" }, "state": "TASK_RUNNING", "uuid": uuid, "source": "SOURCE_EXECUTOR" });
    assert_eq!(
        call(&agent, "UPDATE", json!({ "update": { "status": status } }))
            .await
            .status(),
        202
    );
    let acknowledged = next().await;
    assert_eq!(
        (&acknowledged["type"], &acknowledged["acknowledged"]["uuid"]),
        (&json!("ACKNOWLEDGED"), &json!(uuid))
    );
    agent.master.wait_for("b", TaskState::TaskRunning).await;

    agent.master.kill("b").await;
    assert_eq!(next().await["kill"]["task_id"]["value"], "b");
    assert_eq!(
        call(&agent, "MESSAGE", json!({ "message": { "data": "aGk=" } }))
            .await
            .status(),
        202
    );

    // The executor dies: its tasks are reported, and the master hears of it.
    let pid = agent.state().await["frameworks"][0]["executors"][0]["container"]
        .as_str()
        .unwrap()
        .to_owned();
    let group = std::path::Path::new("/sys/fs/cgroup/memory/mesos")
        .join(pid)
        .join("cgroup.procs");
    for pid in std::fs::read_to_string(group).unwrap().lines() {
        std::process::Command::new("kill")
            .args(["-9", pid])
            .status()
            .unwrap();
    }
    let a = agent.master.wait_for("a", TaskState::TaskFailed).await;
    assert_eq!(a.message(), "Executor terminated");
    agent.master.wait_for("b", TaskState::TaskKilled).await;
    eventually("both messages arrive", async || {
        (agent.master.state().others.len() >= 3).then_some(())
    })
    .await;
    agent.nothing_is_left().await;
}

#[tokio::test]
async fn an_executor_is_asked_to_end_by_its_api_alone_and_killed_after_its_grace() {
    let agent = Agent::start(&[]).await;
    let script = "trap 'echo signalled' TERM; env; echo up; while :; do sleep 0.1; done";
    agent.master.run(with_executor_of("a", script)).await;
    let env = agent.output("E", "up").await;
    assert!(
        env.contains("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=1.5secs\n"),
        "{env}"
    );
    let gone = ShutdownFramework {
        framework_id: Some(framework_id()),
    };
    agent
        .master
        .send(from_master::Message::ShutdownFramework(gone))
        .await;
    agent.nothing_is_left().await;
    let said = agent.output("E", "up").await;
    assert!(!said.contains("signalled"), "{said}");
}
