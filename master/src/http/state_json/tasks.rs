//! Tasks in `/state` and `/tasks`.

use mesolith_proto::json::to_value;
use mesolith_proto::mesos::v1;
use serde_json::{Value, json};

use crate::state::{Snapshot, Task};

/// One task.
pub(super) fn one(task: &Task) -> Value {
    let wire = &task.wire;
    let mut shown = json!({
        "id": wire.task_id.value,
        "name": wire.name,
        "framework_id": wire.framework_id.value,
        "executor_id": wire.executor_id.as_ref().map(|id| id.value.clone()).unwrap_or_default(),
        "slave_id": wire.agent_id.value,
        "state": task.state().as_str(),
        "resources": task.resources.summary(),
        "role": task.role(),
        "statuses": wire.statuses.iter().map(status).collect::<Vec<_>>(),
    });
    if let Some(user) = &wire.user {
        shown["user"] = json!(user);
    }
    if let Some(labels) = wire.labels.as_ref().filter(|l| !l.labels.is_empty()) {
        shown["labels"] = to_value(labels)["labels"].take();
    }
    if let Some(discovery) = &wire.discovery {
        shown["discovery"] = to_value(discovery);
    }
    if let Some(container) = &wire.container {
        shown["container"] = to_value(container);
    }
    if let Some(check) = &wire.health_check {
        shown["health_check"] = to_value(check);
    }
    shown
}

fn status(status: &v1::TaskStatus) -> Value {
    let mut shown = json!({
        "state": status.state().as_str_name(),
        "timestamp": status.timestamp.unwrap_or_default(),
    });
    if let Some(labels) = &status.labels {
        shown["labels"] = to_value(labels)["labels"].take();
    }
    if let Some(container) = &status.container_status {
        shown["container_status"] = to_value(container);
    }
    if let Some(healthy) = status.healthy {
        shown["healthy"] = json!(healthy);
    }
    shown
}

/// What part of the tasks `/tasks` shows.
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    pub(crate) ascending: bool,
    pub(crate) framework: Option<String>,
    pub(crate) task: Option<String>,
}

/// `/tasks`: newest first unless asked otherwise.
pub(crate) fn tasks(snapshot: &Snapshot, page: &Page) -> Value {
    let frameworks = snapshot.frameworks.values().chain(&snapshot.completed);
    let chosen = frameworks.filter(|f| page.framework.as_ref().is_none_or(|id| f.id.as_str() == id));
    let all = chosen.flat_map(|f| {
        f.tasks
            .values()
            .chain(f.unreachable_tasks.values())
            .chain(&f.completed_tasks)
    });
    let mut all: Vec<_> = all
        .filter(|t| page.task.as_ref().is_none_or(|id| t.wire.task_id.value == *id))
        .collect();
    let began = |task: &Task| {
        task.wire
            .statuses
            .first()
            .and_then(|s| s.timestamp)
            .unwrap_or(f64::MAX)
    };
    all.sort_by(|a, b| began(a).total_cmp(&began(b)));
    if !page.ascending {
        all.reverse();
    }
    let shown = all.into_iter().skip(page.offset).take(page.limit);
    json!({ "tasks": shown.map(|t| one(t)).collect::<Vec<_>>() })
}
