//! What updates do to tasks that are known, unknown or in doubt.

use std::collections::BTreeSet;

use super::*;
use crate::scheduler::model::AppKey;

const TASK: &str = "a.instance-00000000-0000-0000-0000-000000000007._app.1";

fn status(state: TaskState) -> mesos::TaskStatus {
    mesos::TaskStatus {
        task_id: mesos::TaskId {
            value: TASK.to_owned(),
        },
        state: state.into(),
        agent_id: Some(mesos::AgentId {
            value: "S1".to_owned(),
        }),
        uuid: Some(Bytes::from_static(b"0123456789abcdef")),
        ..mesos::TaskStatus::default()
    }
}

fn staged(model: &mut Model) {
    let list: crate::scheduler::recover::MasterState = serde_json::from_value(serde_json::json!({
        "slaves": [{"id": "S1", "hostname": "w1"}],
        "frameworks": [{"id": "F", "tasks": [{"id": TASK, "slave_id": "S1", "state": "TASK_STAGING", "labels": [
            {"key": "mesolith.io/app", "value": "ns/a"}, {"key": "mesolith.io/version", "value": "v"}]}]}]
    }))
    .unwrap();
    for (owner, instance) in crate::scheduler::recover::instances(&list, "F", Timestamp::UNIX_EPOCH) {
        model.adopt(&owner, instance);
    }
}

/// The API server is slow: an update is acknowledged even if its task's app is not known yet.
#[test]
fn an_update_of_a_task_whose_app_is_unknown_is_not_forgotten() {
    let mut model = Model::default();
    staged(&mut model);
    let replies = update(&mut model, &status(TaskState::TaskRunning), Timestamp::UNIX_EPOCH);
    assert!(
        matches!(replies.as_slice(), [Reply::Acknowledge { .. }]),
        "{replies:?}"
    );
    assert_eq!(model.strays[TASK].1.state, State::Running);
}

#[test]
fn a_failed_launch_says_why_in_data() {
    let label = mesos::Label {
        key: "mesolith.io/reason".to_owned(),
        value: Some("ImageNotFound".to_owned()),
    };
    let labels = mesos::Labels { labels: vec![label] };
    let failed = mesos::TaskStatus {
        labels: Some(labels),
        ..status(TaskState::TaskFailed)
    };
    assert_eq!(problem(&failed), Some(LaunchProblem::ImageNotFound));
    assert_eq!(problem(&status(TaskState::TaskFailed)), None);
}

#[test]
fn what_ended_while_the_list_was_read_is_noted() {
    let mut model = Model {
        ended: Some(BTreeSet::new()),
        ..Model::default()
    };
    staged(&mut model);
    update(&mut model, &status(TaskState::TaskFailed), Timestamp::UNIX_EPOCH);
    assert!(model.strays.is_empty());
    assert!(model.ended.unwrap().contains(TASK));
}

/// After another operator has acted, only what a master lists counts.
#[test]
fn doubtful_tasks_go_unless_their_agent_is_away() {
    let key = AppKey {
        namespace: "ns".to_owned(),
        name: "a".to_owned(),
    };
    let mut model = Model::default();
    staged(&mut model);
    let app = mesolith_marathon::App::parse(serde_json::json!({"id": "/a", "cmd": "true"})).unwrap();
    let desired = crate::scheduler::Desired {
        app: std::sync::Arc::new(app),
        changed: String::new(),
        remembered: Vec::new(),
        trace: None,
    };
    model.desire(&key, desired, Timestamp::UNIX_EPOCH);
    model.settle(&BTreeSet::from(["S1"]));
    assert_eq!(model.apps[&key].instances.len(), 1, "confirmed");
    model.doubt();
    model.settle(&BTreeSet::from(["S2"]));
    assert_eq!(
        model.apps[&key].instances.len(),
        1,
        "its agent may come back with it"
    );
    model.settle(&BTreeSet::from(["S1"]));
    assert!(model.apps[&key].instances.is_empty());
}
