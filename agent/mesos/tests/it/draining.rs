//! The real master drains a real agent; a framework looks on over HTTP.

use clap::Parser;
use mesolith_telemetry::Shutdown;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::{eventually, free_port};

/// Does not end when it is asked to.
const STUBBORN: &str = "trap '' TERM; echo up; while :; do sleep 0.1; done";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: mesolith_master::Args,
}

/// The real master in this process, and a framework that runs tasks wherever it can.
struct Cluster {
    url: String,
    shutdown: Shutdown,
    framework: String,
    stream: String,
    events: reqwest::Response,
    unread: Vec<u8>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

async fn post(url: &str, stream: &str, body: &Value) -> reqwest::Response {
    let mut request = reqwest::Client::new()
        .post(url)
        .header("Content-Type", "application/json")
        .body(body.to_string());
    if !stream.is_empty() {
        request = request.header("Mesos-Stream-Id", stream);
    }
    request.send().await.unwrap()
}

impl Cluster {
    async fn start() -> Self {
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = free_port().to_string();
        let args = Cli::parse_from(["master", "--ip", "127.0.0.1", "--port", &port]).args;
        let shutdown = Shutdown::default();
        tokio::spawn(mesolith_master::run(args, shutdown.clone()));
        let url = format!("http://127.0.0.1:{port}");
        eventually("the master leads", async || {
            let state = reqwest::get(format!("{url}/state")).await.ok()?;
            state.json::<Value>().await.ok()?["elected_time"].as_f64()
        })
        .await;
        let capabilities = json!([{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]);
        let info = json!({"user": "root", "name": "f", "roles": ["*"], "failover_timeout": 60.0, "capabilities": capabilities});
        let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let events = post(&format!("{url}/api/v1/scheduler"), "", &subscribe).await;
        let stream = events.headers()["Mesos-Stream-Id"].to_str().unwrap().to_owned();
        let mut cluster = Self {
            url,
            shutdown,
            framework: String::new(),
            stream,
            events,
            unread: Vec::new(),
        };
        let subscribed = cluster.next("SUBSCRIBED").await;
        cluster.framework = subscribed["subscribed"]["framework_id"]["value"]
            .as_str()
            .unwrap()
            .to_owned();
        cluster
    }

    fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// The next event of a type. Others are skipped; status updates among them are acknowledged.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            let status = event["update"]["status"].clone();
            if status["uuid"].is_string() {
                let acknowledge = json!({
                    "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
                });
                self.call("ACKNOWLEDGE", json!({"acknowledge": acknowledge}))
                    .await;
            }
            if event["type"] == kind {
                return event;
            }
        }
    }

    async fn event(&mut self) -> Value {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let length: usize = std::str::from_utf8(&self.unread[..end]).unwrap().parse().unwrap();
                if self.unread.len() > end + length {
                    let record: Vec<u8> = self.unread.drain(..=end + length).skip(end + 1).collect();
                    return serde_json::from_slice(&record).unwrap();
                }
            }
            let more = tokio::time::timeout(std::time::Duration::from_secs(60), self.events.chunk()).await;
            self.unread.extend(more.unwrap().unwrap().unwrap());
        }
    }

    async fn call(&self, kind: &str, mut call: Value) {
        call["type"] = json!(kind);
        call["framework_id"] = json!({"value": self.framework});
        let answer = post(&format!("{}/api/v1/scheduler", self.url), &self.stream, &call).await;
        assert_eq!(answer.status(), 202, "{kind}");
    }

    /// Runs a task on the next offer; the agent's id.
    async fn run(&mut self, task: &str) -> String {
        let offer = self.next("OFFERS").await["offers"]["offers"][0].clone();
        let amount =
            |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
        let hours = json!({"grace_period": {"nanoseconds": 3_600_000_000_000_u64}});
        let info = json!({
            "name": task, "task_id": {"value": task}, "agent_id": offer["agent_id"], "command": {"value": STUBBORN},
            "kill_policy": hours, "resources": [amount("cpus", 0.1), amount("mem", 32.0)],
        });
        let launch = json!({"type": "LAUNCH", "launch": {"task_infos": [info]}});
        let accept =
            json!({"offer_ids": [offer["id"]], "operations": [launch], "filters": {"refuse_seconds": 0.0}});
        self.call("ACCEPT", json!({"accept": accept})).await;
        self.state(task, "TASK_RUNNING").await;
        offer["agent_id"]["value"].as_str().unwrap().to_owned()
    }

    /// The update that brings a task to a state.
    async fn state(&mut self, task: &str, state: &str) -> Value {
        loop {
            let status = self.next("UPDATE").await["update"]["status"].clone();
            if status["task_id"]["value"] == task && status["state"] == state {
                return status;
            }
        }
    }

    async fn operate(&self, call: Value) {
        let answer = post(&format!("{}/api/v1", self.url), "", &call).await;
        assert_eq!(answer.status(), 200, "{call}: {}", answer.text().await.unwrap());
    }

    async fn drain(&self, agent: &str, mark_gone: bool) {
        let drain =
            json!({"agent_id": {"value": agent}, "max_grace_period": {"seconds": 1}, "mark_gone": mark_gone});
        self.operate(json!({"type": "DRAIN_AGENT", "drain_agent": drain}))
            .await;
    }

    async fn drained(&self) {
        eventually("the agent is drained", async || {
            let slaves = reqwest::get(format!("{}/slaves", self.url)).await.ok()?;
            let slave = slaves.json::<Value>().await.ok()?["slaves"][0].clone();
            (slave["drain_info"]["state"] == "DRAINED").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_tasks_within_its_grace_and_a_reactivated_agent_is_used_again() {
    let mut cluster = Cluster::start().await;
    let mut agent = Agent::of(cluster.address()).await;
    let id = cluster.run("first").await;
    cluster.drain(&id, false).await;
    // An hour is the task's own grace; the drain allows a second.
    let killed = cluster.state("first", "TASK_KILLED").await;
    assert_eq!(killed["reason"], "REASON_AGENT_DRAINING", "{killed}");
    assert_eq!(killed["message"], "Command terminated with signal Killed");
    cluster.drained().await;
    // A drained agent that restarts is still drained.
    agent.kill();
    agent.again();
    let reactivate = json!({"type": "REACTIVATE_AGENT", "reactivate_agent": {"agent_id": {"value": id}}});
    cluster.drained().await;
    cluster.operate(reactivate).await;
    assert_eq!(cluster.run("second").await, id);

    cluster.drain(&id, true).await;
    let gone = cluster.state("second", "TASK_GONE_BY_OPERATOR").await;
    assert_eq!(gone["reason"], "REASON_AGENT_DRAINING", "{gone}");
    assert_eq!(
        cluster.next("FAILURE").await["failure"]["agent_id"]["value"],
        id.as_str()
    );
    assert!(!agent.ended().await.success());
    assert!(
        agent.log().contains("Agent has been marked gone"),
        "{}",
        agent.log()
    );
}
