//! Streams that break, masters that change, calls that are refused.

use axum::http::StatusCode;
use mesolith_marathon::instance::State;
use mesolith_proto::mesos::v1::{TaskState, scheduler::call::Type};
use serde_json::json;

use super::master::{FRAMEWORK, Master, Subject, eventually};
use crate::scheduler::Link;

#[tokio::test]
async fn a_standby_master_leads_to_the_leader() {
    let (standby, leader) = (Master::start().await, Master::start().await);
    standby.redirect_to(&leader);
    let subject = Subject::start(&[&standby]);
    subject.desire(1, 0.5);
    leader.wait_calls(Type::Subscribe, 1).await;
    leader.wait_calls(Type::Revive, 1).await;
    leader.offer("o1", "S1", 4.0);
    leader.wait_launched(1).await;
}

/// The tasks live on through a change of leader: nothing is started twice, and the framework stays the same.
#[tokio::test]
async fn a_new_leader_is_found_and_nothing_is_started_twice() {
    let (old, new) = (Master::start().await, Master::start().await);
    let subject = Subject::start(&[&old, &new]);
    subject.desire(1, 0.5);
    old.wait_calls(Type::Revive, 1).await;
    old.offer("o1", "S1", 4.0);
    let task = old.wait_launched(1).await.remove(0);
    old.update(&task, TaskState::TaskRunning);
    subject
        .wait_view(|view| view.instances.iter().any(|i| i.state == State::Running))
        .await;
    old.redirect_to(&new);
    old.cut();
    let again = new.wait_calls(Type::Subscribe, 1).await.remove(0);
    assert_eq!(again.framework_id.unwrap().value, FRAMEWORK);
    let reconcile = new
        .wait_calls(Type::Reconcile, 1)
        .await
        .remove(0)
        .reconcile
        .unwrap();
    assert!(reconcile.tasks.is_empty(), "implicit first");
    new.offer("o2", "S1", 4.0);
    new.wait_calls(Type::Decline, 1).await;
    assert!(new.launched().is_empty());
    assert_eq!(subject.view().instances.len(), 1);
}

#[tokio::test]
async fn a_refused_call_leads_to_a_new_subscription() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(1, 0.5);
    master.wait_calls(Type::Revive, 1).await;
    master.refuse_once(Type::Accept, StatusCode::BAD_REQUEST, "Framework cannot be found");
    master.offer("o1", "S1", 4.0);
    master.wait_calls(Type::Subscribe, 2).await;
    // Whether the launch was heard is asked, and answered: it was not.
    let asked = master.wait_calls(Type::Reconcile, 3).await;
    let named = asked
        .into_iter()
        .filter_map(|call| call.reconcile)
        .find(|r| !r.tasks.is_empty())
        .unwrap();
    master.update(&named.tasks[0].task_id.value, TaskState::TaskUnknown);
    master.wait_calls(Type::Revive, 2).await;
    master.offer("o2", "S1", 4.0);
    assert_ne!(master.wait_launched(1).await[0], named.tasks[0].task_id.value);
}

#[tokio::test]
async fn a_silent_stream_counts_as_dead() {
    let master = Master::start().await;
    master.heartbeat_seconds(0.1);
    let subject = Subject::start(&[&master]);
    subject.desire(0, 0.5);
    master.wait_calls(Type::Subscribe, 2).await;
}

/// Another operator has the framework: fighting over it would only hurt, until this one leads again.
#[tokio::test]
async fn a_framework_taken_over_is_left_alone_until_asked() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(0, 0.5);
    subject.wait_view(|view| view.link == Link::Subscribed).await;
    master.error("Framework failed over");
    subject.wait_view(|view| view.link == Link::TakenOver).await;
    assert_eq!(master.calls(Type::Subscribe).len(), 1);
    subject.scheduler.resume();
    master.wait_calls(Type::Subscribe, 2).await;
}

#[tokio::test]
async fn a_master_that_is_not_there_is_reported() {
    let master = Master::start().await;
    let subject = Subject::start(&[]);
    subject.desire(1, 0.5);
    let view = subject
        .wait_view(|view| matches!(view.link, Link::Failing(_)))
        .await;
    assert_eq!(view.link, Link::Failing("no master is known yet".to_owned()));
    subject
        .scheduler
        .masters(vec!["127.0.0.1:9".to_owned(), master.address.clone()]);
    master.wait_calls(Type::Subscribe, 1).await;
}

/// A task that was given up with its agent and comes back is not adopted a second time.
#[tokio::test]
async fn an_expunged_task_that_returns_is_stopped() {
    let master = Master::start().await;
    let subject = Subject::start(&[&master]);
    subject.desire(1, 0.5);
    master.wait_calls(Type::Revive, 1).await;
    master.offer("o1", "S1", 4.0);
    let task = master.wait_launched(1).await.remove(0);
    master.update(&task, TaskState::TaskRunning);
    subject
        .wait_view(|view| view.instances.iter().any(|i| i.state == State::Running))
        .await;
    master.update(&task, TaskState::TaskUnreachable);
    master.wait_calls(Type::Revive, 2).await;
    master.offer("o2", "S2", 4.0);
    master.wait_launched(2).await;
    master.update(&task, TaskState::TaskRunning);
    let kill = master.wait_calls(Type::Kill, 1).await.remove(0).kill.unwrap();
    assert_eq!(kill.task_id.value, task);
}

/// Its object is gone, and this operator never knew it: tasks are stopped only once the API server has said so, and
/// only those that carry our labels.
#[tokio::test]
async fn tasks_of_an_app_that_does_not_exist_are_stopped_when_it_is_sure() {
    let master = Master::start().await;
    let id = |n: u8| format!("gone.instance-00000000-0000-0000-0000-00000000000{n}._app.1");
    let task = |n: u8, state: &str| {
        json!({"id": id(n), "slave_id": "S1", "state": state, "labels": [
            {"key": "mesolith.io/app", "value": "ns/gone"}, {"key": "mesolith.io/version", "value": "v"}]})
    };
    master.set_state(json!({
        "slaves": [{"id": "S1", "hostname": "host-S1"}],
        "frameworks": [{"id": FRAMEWORK, "tasks": [
            task(1, "TASK_RUNNING"), {"id": "someone-elses", "slave_id": "S1", "state": "TASK_RUNNING"}
        ], "unreachable_tasks": [task(2, "TASK_UNREACHABLE")]}]
    }));
    let subject = Subject::start(&[&master]);
    subject.desire(0, 0.5);
    let strays = || subject.scheduler.strays().1;
    eventually(|| strays().by_owner.len() == 1, || format!("{:?}", strays())).await;
    assert_eq!(strays().by_owner["ns/gone"].len(), 2);
    assert!(strays().foreign.contains("someone-elses") && strays().foreign.len() == 1);
    assert!(master.calls(Type::Kill).is_empty());

    subject.scheduler.condemn("ns/gone".to_owned());
    let first = master.wait_calls(Type::Kill, 1).await.remove(0).kill.unwrap();
    assert_eq!(first.task_id.value, id(1), "nobody could hear the other one");
    master.update(&id(2), TaskState::TaskRunning);
    let second = master.wait_calls(Type::Kill, 2).await.remove(1).kill.unwrap();
    assert_eq!(second.task_id.value, id(2), "its agent came back");
    for n in [1, 2] {
        master.update(&id(n), TaskState::TaskKilled);
    }
    master.wait_calls(Type::Acknowledge, 3).await;
    // Another one of that name would have to be asked about again.
    master.set_state(json!({
        "slaves": [{"id": "S1", "hostname": "host-S1"}],
        "frameworks": [{"id": FRAMEWORK, "tasks": [task(3, "TASK_RUNNING")]}]
    }));
    master.update(&id(3), TaskState::TaskRunning);
    eventually(|| strays().by_owner.len() == 1, || format!("{:?}", strays())).await;
    assert_eq!(master.calls(Type::Kill).len(), 2);
}
