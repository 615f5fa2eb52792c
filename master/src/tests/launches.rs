//! Launches, and the answers of a Mesos 1.11.0 to them.
//!
//! `launches.jsonl` was recorded: a line has the fields in which its tasks differ from an ordinary one (`null` takes one
//! away), the executor if they are a group, and the message that each task was refused with, `null` where it was launched.

use serde_json::{Value, json};
use v1::offer::Operation;

use super::*;

const RECORDED: &str = include_str!("launches.jsonl");
/// What the agent of the recording had, in the order in which it was offered.
const RESOURCES: &str = "ports:[31000-32000];cpus:8;mem:16384;disk:20480";

fn task_info(name: &str, changes: &Value) -> Value {
    let mut task = json!({
        "name": name,
        "task_id": {"value": name},
        "agent_id": {"value": "@A"},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        ],
        "command": {"value": "exit 0"},
    });
    for (field, value) in changes.as_object().unwrap() {
        task[field] = value.clone();
    }
    task.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    task
}

fn operation(line: &Value, node: &Node, scheduler: &Scheduler) -> Operation {
    let name = line["name"].as_str().unwrap();
    let tasks = line["tasks"].as_array().unwrap();
    let tasks: Vec<_> = tasks.iter().map(|changes| task_info(name, changes)).collect();
    let operation = match line.get("executor") {
        None => json!({"type": "LAUNCH", "launch": {"task_infos": tasks}}),
        Some(executor) => json!({
            "type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}},
        }),
    };
    let text = operation.to_string();
    let text = text.replace("\"@A\"", &json!(node.id).to_string());
    let text = text.replace("\"@F\"", &json!(scheduler.id).to_string());
    mesolith_proto::json::from_slice(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Whatever is refused leaves no resources in use and no executor behind.
#[test]
fn launches_are_refused_as_by_mesos_and_leave_nothing() {
    let mut wrong = Vec::new();
    for line in RECORDED.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut world = World::new();
        let (node, _) = world.agent(RESOURCES);
        let (scheduler, effects) = world.subscribe(aware(&["*"]));
        let offer = offers(&effects, &scheduler).remove(0);
        let operation = operation(&line, &node, &scheduler);
        let (reason, ids): (_, Vec<_>) = match &operation.launch_group {
            Some(group) => (
                v1::task_status::Reason::TaskGroupInvalid,
                group
                    .task_group
                    .tasks
                    .iter()
                    .map(|t| t.task_id.value.clone())
                    .collect(),
            ),
            None => (
                v1::task_status::Reason::TaskInvalid,
                operation
                    .launch
                    .iter()
                    .flat_map(|l| &l.task_infos)
                    .map(|t| t.task_id.value.clone())
                    .collect(),
            ),
        };
        let effects = world.accept(&scheduler, &[&offer], operation);
        let told = statuses(&effects, &scheduler);
        let expected: Vec<_> = ids
            .iter()
            .zip(line["told"].as_array().unwrap())
            .filter_map(|(id, message)| Some((id.clone(), message.as_str()?.to_owned())))
            .map(|(id, message)| {
                let message = message.replace("<AGENT>", node.id.as_str());
                (id, message.replace("<FRAMEWORK>", scheduler.id.as_str()))
            })
            .collect();
        let said: Vec<_> = told
            .iter()
            .map(|status| (status.task_id.value.clone(), status.message().to_owned()))
            .collect();
        if said != expected {
            wrong.push(format!("{}: {said:?} instead of {expected:?}", line["name"]));
            continue;
        }
        for status in told {
            assert_eq!(
                (status.state(), status.reason()),
                (v1::TaskState::TaskError, reason)
            );
            assert_eq!(status.source(), v1::task_status::Source::Master);
        }
        if expected.len() == ids.len() {
            let agent = &world.state.agents[&node.id];
            assert!(agent.used.is_empty() && agent.executors.is_empty() && agent.tasks.is_empty());
            assert!(to_agent(&effects, &node).is_empty());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
