//! The normal course of things.

use mesolith_marathon::instance::State;
use mesolith_proto::mesos::v1::{TaskState, scheduler::call::Type};
use serde_json::json;

use super::master::{FRAMEWORK, Master, Subject};
use crate::scheduler::Link;

#[tokio::test]
async fn a_task_is_launched_acknowledged_and_started_again() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(1, 0.5);
    let subscribe = master
        .wait_calls(Type::Subscribe, 1)
        .await
        .remove(0)
        .subscribe
        .unwrap();
    let info = subscribe.framework_info;
    assert_eq!(
        (info.name.as_str(), info.user.as_str(), info.failover_timeout),
        ("marathon", "root", Some(604_800.0))
    );
    assert_eq!(info.id.unwrap().value, FRAMEWORK);
    // It wants something, so it asks for offers.
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 4.0);
    let task = master.wait_launched(1).await.remove(0);
    let (accept, headers) = master.calls(Type::Accept).remove(0);
    assert_eq!(
        headers["traceparent"],
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    );
    assert_eq!(headers["Mesos-Stream-Id"], "stream-1");
    let accept = accept.accept.unwrap();
    let info = accept.operations[0].launch.as_ref().unwrap().task_infos[0].clone();
    assert_eq!(info.name, "a");
    assert!(
        info.resources
            .iter()
            .all(|resource| resource.allocation_info.is_some())
    );
    master.update(&task, TaskState::TaskRunning);
    let acknowledged = master
        .wait_calls(Type::Acknowledge, 1)
        .await
        .remove(0)
        .acknowledge
        .unwrap();
    assert_eq!(acknowledged.task_id.value, task);
    subject
        .wait_view(|view| view.instances.iter().any(|i| i.state == State::Running))
        .await;

    master.update(&task, TaskState::TaskFailed);
    master.wait_calls(Type::Revive, 2).await;
    master.offer("o2", "S1", 4.0);
    let again = master.wait_launched(2).await.remove(1);
    assert_ne!(again, task);
    let view = subject.wait_view(|view| view.last_failure.is_some()).await;
    assert_eq!(view.last_failure.unwrap().state, "TASK_FAILED");
}

#[tokio::test]
async fn offers_nobody_needs_are_declined_for_long() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(0, 0.5);
    subject.wait_view(|view| view.link == Link::Subscribed).await;
    master.offer("o1", "S1", 4.0);
    let decline = master
        .wait_calls(Type::Decline, 1)
        .await
        .remove(0)
        .decline
        .unwrap();
    assert_eq!(decline.filters.unwrap().refuse_seconds, Some(3600.0));
    assert!(master.calls(Type::Revive).is_empty());
}

#[tokio::test]
async fn an_app_that_is_too_large_says_so() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(1, 64.0);
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 12.5);
    let view = subject
        .wait_view(|view| {
            view.shortage
                .as_ref()
                .is_some_and(|s| s.sentence.contains("largest"))
        })
        .await;
    assert_eq!(
        view.shortage.unwrap().sentence,
        "no agent has 64 cpus (largest free: 12.5 on host-S1)"
    );
}

#[tokio::test]
async fn scaling_down_and_up_again() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(3, 0.5);
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 4.0);
    let tasks = master.wait_launched(3).await;
    for task in &tasks {
        master.update(task, TaskState::TaskRunning);
    }
    subject
        .wait_view(|view| {
            view.instances
                .iter()
                .filter(|i| i.state == State::Running)
                .count()
                == 3
        })
        .await;
    subject.desire(1, 0.5);
    for kill in master.wait_calls(Type::Kill, 2).await {
        master.update(&kill.kill.unwrap().task_id.value, TaskState::TaskKilled);
    }
    let view = subject.wait_view(|view| view.instances.len() == 1).await;
    assert_eq!(view.failures, 0);
    assert_eq!(master.calls(Type::Kill).len(), 2);
}

/// After a restart the tasks are known from the master's list before anything is started.
#[tokio::test]
async fn tasks_of_an_earlier_operator_are_taken_over() {
    let master = Master::start().await;
    let id = "a.instance-00000000-0000-0000-0000-000000000007._app.1";
    let version = mesolith_marathon::App::parse(json!({
        "id": "/a", "cmd": "sleep 1", "cpus": 0.5, "mem": 32, "backoffSeconds": 0
    }))
    .unwrap()
    .version;
    master.set_state(json!({
        "slaves": [{"id": "S1", "hostname": "host-S1"}],
        "frameworks": [{"id": FRAMEWORK, "tasks": [{
            "id": id, "slave_id": "S1", "state": "TASK_RUNNING",
            "labels": [{"key": "mesolith.io/app", "value": "ns/a"}, {"key": "mesolith.io/version", "value": version}],
            "statuses": [{"state": "TASK_RUNNING", "timestamp": 1000.0}]
        }]}]
    }));
    let subject = Subject::start(&[&master]);
    subject.desire(1, 0.5);
    master.wait_calls(Type::Subscribe, 1).await;
    master.offer("o1", "S1", 4.0);
    let view = subject
        .wait_view(|view| view.link == Link::Subscribed && !view.instances.is_empty())
        .await;
    assert_eq!(view.instances[0].task.to_string(), id);
    master.wait_calls(Type::Decline, 1).await;
    assert!(master.launched().is_empty());
    let implicit = master
        .wait_calls(Type::Reconcile, 1)
        .await
        .remove(0)
        .reconcile
        .unwrap();
    assert!(implicit.tasks.is_empty());
}
