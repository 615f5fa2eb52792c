//! A health check belongs to an instance: it is that of the definition the instance was launched from, until it ends.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use mesolith_marathon::instance::{Health, State};
use mesolith_proto::mesos::v1::{TaskInfo, TaskState, scheduler::call::Type};
use rstest::rstest;
use serde_json::{Value, json};

use super::master::{FRAMEWORK, Master, Subject, offer, offers};

/// The app's own server, which a test can make sick.
struct Server {
    port: u16,
    well: Arc<AtomicBool>,
}

impl Server {
    async fn start() -> Self {
        let well = Arc::new(AtomicBool::new(true));
        let answer = well.clone();
        let router = Router::new().route(
            "/health",
            get(move || async move {
                if answer.load(Ordering::SeqCst) {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, well }
    }

    fn checks(&self) -> Value {
        json!([{
            "protocol": "HTTP", "path": "/health", "port": self.port,
            "gracePeriodSeconds": 0, "intervalSeconds": 1, "maxConsecutiveFailures": 1
        }])
    }
}

fn launched(master: &Master) -> TaskInfo {
    let (accept, _) = master.calls(Type::Accept).remove(0);
    accept
        .accept
        .unwrap()
        .operations
        .remove(0)
        .launch
        .unwrap()
        .task_infos
        .remove(0)
}

/// An update that finds no place: the old instance serves on, and is checked as before.
#[rstest]
#[case::with_the_same_checks(|server: &Server| server.checks())]
#[case::without_checks(|_: &Server| json!([]))]
#[tokio::test]
async fn an_old_instance_is_checked_while_its_update_waits(#[case] newer: fn(&Server) -> Value) {
    let (master, server) = (Master::start().await, Server::start().await);
    let subject = Subject::start(&[&master]);
    subject.define(json!({"healthChecks": server.checks()}));
    master.wait_calls(Type::Revive, 1).await;
    let mut here = offer("o1", "S1", 4.0);
    here.hostname = "127.0.0.1".to_owned();
    master.send(offers(vec![here]));
    let task = master.wait_launched(1).await.remove(0);
    master.update(&task, TaskState::TaskRunning);
    subject
        .wait_view(|view| view.instances.iter().any(|i| i.health == Health::Healthy))
        .await;
    subject.define(json!({"healthChecks": newer(&server), "constraints": [["rack", "LIKE", "zzz"]]}));
    subject.wait_view(|view| view.unplaced == 1).await;
    server.well.store(false, Ordering::SeqCst);
    let view = subject
        .wait_view(|view| view.instances.iter().any(|i| i.health == Health::Unhealthy))
        .await;
    assert_eq!(view.failures, 0, "the new version is not delayed by the old one");
    let kill = master.wait_calls(Type::Kill, 1).await.remove(0).kill.unwrap();
    assert_eq!(kill.task_id.value, task);
    let view = subject.wait_view(|view| view.last_failure.is_some()).await;
    assert_eq!(view.last_failure.unwrap().task, task);
}

/// An operator that starts while an update waits knows the old definition from the task alone.
#[tokio::test]
async fn an_old_instance_is_checked_after_a_restart() {
    let (before, server) = (Master::start().await, Server::start().await);
    let first = Subject::start(&[&before]);
    first.define(json!({"healthChecks": server.checks()}));
    before.wait_calls(Type::Revive, 1).await;
    before.offer("o1", "S1", 4.0);
    before.wait_launched(1).await;
    let task = launched(&before);
    let labels = serde_json::to_value(
        task.labels
            .unwrap()
            .labels
            .iter()
            .map(|label| {
                json!({
                    "key": label.key, "value": label.value
                })
            })
            .collect::<Vec<_>>(),
    );
    drop(first);

    let master = Master::start().await;
    master.set_state(json!({
        "slaves": [{"id": "S1", "hostname": "127.0.0.1"}],
        "frameworks": [{"id": FRAMEWORK, "tasks": [{
            "id": task.task_id.value, "slave_id": "S1", "state": "TASK_RUNNING", "labels": labels.unwrap(),
            "statuses": [{"state": "TASK_RUNNING", "timestamp": 1000.0}]
        }]}]
    }));
    let second = Subject::start(&[&master]);
    second.define(json!({"constraints": [["rack", "LIKE", "zzz"]]}));
    let healthy =
        |health| move |view: &crate::scheduler::AppView| view.instances.iter().any(|i| i.health == health);
    second.wait_view(healthy(Health::Healthy)).await;
    server.well.store(false, Ordering::SeqCst);
    second.wait_view(healthy(Health::Unhealthy)).await;
    let kill = master.wait_calls(Type::Kill, 1).await.remove(0).kill.unwrap();
    assert_eq!(kill.task_id.value, task.task_id.value);
}

/// The grace period is the task's own, too: no kill, first or repeated, names another one.
#[tokio::test]
async fn a_kill_leaves_the_grace_period_to_the_task() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.define(json!({"taskKillGracePeriodSeconds": 40}));
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 4.0);
    let task = master.wait_launched(1).await.remove(0);
    let own = launched(&master).kill_policy.unwrap().grace_period.unwrap();
    assert_eq!(own.nanoseconds, 40_000_000_000);
    master.update(&task, TaskState::TaskRunning);
    subject
        .wait_view(|view| view.instances.iter().any(|i| i.state == State::Running))
        .await;
    subject.define(json!({"taskKillGracePeriodSeconds": 1, "instances": 0}));
    let kill = master.wait_calls(Type::Kill, 1).await.remove(0).kill.unwrap();
    assert_eq!(kill.kill_policy, None);
}
