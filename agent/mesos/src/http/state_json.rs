//! `/state`, with the keys of Apache Mesos.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_proto::mesos::v1::{
    AgentInfo, ContainerStatus, FrameworkInfo, Label, Labels, TaskState, TaskStatus, network_info,
};
use serde_json::{Map, Value, json};

use super::AppState;
use crate::info::{attributes_json, from_wire};
use crate::state::{Agent, ExecutorKey, Task, TaskKey, master::VERSION};

/// What this agent can do, of Mesos' names.
pub(crate) const CAPABILITIES: [&str; 4] = [
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "TASK_RESOURCE_LIMITS",
];

pub(super) fn version() -> Value {
    json!({
        "version": VERSION,
        "build_date": "",
        "build_time": 0.0,
        "build_user": "mesolith",
        "mesolith_version": env!("CARGO_PKG_VERSION"),
    })
}

pub(super) fn state(app: &AppState, agent: &Agent) -> Value {
    let mut all = match version() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let mut set = |key: &str, value: Value| all.insert(key.to_owned(), value);
    let resources = from_wire(&agent.info.resources);
    let reserved: Map<String, Value> = resources
        .reserved()
        .into_iter()
        .map(|(role, r)| (role, Value::Object(r.summary())))
        .collect();
    set("start_time", json!(seconds(app.started)));
    set("id", json!(agent.id()));
    set("pid", json!(format!("slave(1)@{}", app.endpoint)));
    set("hostname", json!(agent.info.hostname));
    set("capabilities", json!(CAPABILITIES));
    set("resources", Value::Object(resources.summary()));
    set("reserved_resources", Value::Object(reserved));
    set(
        "unreserved_resources",
        Value::Object(resources.unreserved().summary()),
    );
    set(
        "unreserved_resources_allocated",
        Value::Object(from_wire(&used(agent)).summary()),
    );
    set("attributes", json!(attributes_json(&agent.info)));
    if let Some(master) = &agent.master {
        set("master_hostname", json!(master.hostname()));
    }
    set("flags", app.flags.clone());
    let (running, ended) = frameworks(app, agent);
    set("frameworks", Value::Array(running));
    set("completed_frameworks", Value::Array(ended));
    Value::Object(all)
}

/// Everything that live tasks and executors hold.
pub(super) fn used(agent: &Agent) -> Vec<mesolith_proto::mesos::v1::Resource> {
    let tasks = agent
        .tasks
        .values()
        .filter(|t| !t.is_terminal())
        .flat_map(|t| t.info.resources.iter());
    tasks
        .chain(agent.executors.values().flat_map(|e| e.info.resources.iter()))
        .cloned()
        .collect()
}

fn frameworks(app: &AppState, agent: &Agent) -> (Vec<Value>, Vec<Value>) {
    let ended: BTreeSet<&String> = agent.completed.iter().map(|(key, _)| &key.framework).collect();
    let running = agent
        .frameworks
        .iter()
        .map(|(id, info)| framework(app, agent, id, Some(info)))
        .collect();
    let ended = ended.into_iter().filter(|id| !agent.frameworks.contains_key(*id));
    (running, ended.map(|id| framework(app, agent, id, None)).collect())
}

fn framework(app: &AppState, agent: &Agent, id: &str, info: Option<&FrameworkInfo>) -> Value {
    let mut live: BTreeMap<(&str, &str), Vec<(&TaskKey, &Task)>> = BTreeMap::new();
    for (key, task) in agent.tasks.iter().filter(|(k, _)| k.framework == id) {
        live.entry((task.executor_id(), &task.container))
            .or_default()
            .push((key, task));
    }
    for (key, executor) in agent.executors.iter().filter(|(k, _)| k.framework == id) {
        live.entry((&key.executor, &executor.container)).or_default();
    }
    let mut ended: BTreeMap<(&str, &str), Vec<(&TaskKey, &Task)>> = BTreeMap::new();
    for (key, task) in agent.completed.iter().filter(|(k, _)| k.framework == id) {
        match live.get_mut(&(task.executor_id(), task.container.as_str())) {
            Some(tasks) => tasks.push((key, task)),
            None => ended
                .entry((task.executor_id(), &task.container))
                .or_default()
                .push((key, task)),
        }
    }
    let show = |all: BTreeMap<(&str, &str), Vec<(&TaskKey, &Task)>>| -> Vec<Value> {
        all.into_iter()
            .map(|((name, run), tasks)| executor(app, agent, (id, name, run), &tasks))
            .collect()
    };
    let roles = info.map(|i| {
        if i.roles.is_empty() {
            vec![i.role().to_owned()]
        } else {
            i.roles.clone()
        }
    });
    json!({
        "id": id,
        "name": info.map_or("", |i| &i.name),
        "user": info.map_or("", |i| &i.user),
        "failover_timeout": info.map_or(0.0, FrameworkInfo::failover_timeout),
        "checkpoint": info.is_some_and(FrameworkInfo::checkpoint),
        "hostname": info.map_or("", FrameworkInfo::hostname),
        "roles": roles.unwrap_or_default(),
        "executors": show(live),
        "completed_executors": show(ended),
    })
}

fn executor(app: &AppState, agent: &Agent, of: (&str, &str, &str), tasks: &[(&TaskKey, &Task)]) -> Value {
    let (framework, name, run) = of;
    let key = ExecutorKey {
        framework: framework.to_owned(),
        executor: name.to_owned(),
    };
    let own = agent.executors.get(&key).filter(|e| e.container == run);
    let (ended, live): (Vec<_>, Vec<_>) = tasks
        .iter()
        .copied()
        .partition(|(key, _)| !agent.tasks.contains_key(*key));
    let (queued, live): (Vec<_>, Vec<_>) = live
        .into_iter()
        .partition(|(key, _)| own.is_some_and(|e| e.queued.contains(key)));
    let show = |tasks: Vec<(&TaskKey, &Task)>| -> Vec<Value> {
        tasks
            .into_iter()
            .map(|(key, t)| task(&agent.info, key, t))
            .collect()
    };
    let held = own.into_iter().flat_map(|e| &e.info.resources);
    let held = held.chain(
        tasks
            .iter()
            .filter(|(_, t)| !t.is_terminal())
            .flat_map(|(_, t)| &t.info.resources),
    );
    let held: Vec<_> = held.cloned().collect();
    let command = tasks
        .first()
        .and_then(|(_, t)| t.info.command.as_ref())
        .map_or("", |c| c.value());
    let title = match own.and_then(|e| e.info.name.clone()) {
        Some(title) => title,
        None => format!("Command Executor (Task: {name}) (Command: sh -c '{command}')"),
    };
    json!({
        "id": name,
        "name": title,
        "source": name,
        "container": run,
        "directory": app.paths.sandbox(agent.id(), framework, name, run),
        "resources": from_wire(&held).summary(),
        "tasks": show(live),
        "queued_tasks": show(queued),
        "completed_tasks": show(ended),
    })
}

fn task(agent: &AgentInfo, key: &TaskKey, task: &Task) -> Value {
    let role = task
        .info
        .resources
        .iter()
        .find_map(|r| r.allocation_info.as_ref()?.role.clone());
    let mut all = json!({
        "id": key.task,
        "name": task.info.name,
        "framework_id": key.framework,
        "executor_id": task.executor.clone().unwrap_or_default(),
        "slave_id": agent.id.as_ref().map_or("", |id| &id.value),
        "state": task.state.as_str_name(),
        "resources": from_wire(&task.info.resources).summary(),
        "role": role.unwrap_or_else(|| "*".into()),
        "statuses": task.statuses.iter().map(status).collect::<Vec<_>>(),
    });
    if let (Some(labels), Value::Object(map)) = (&task.info.labels, &mut all) {
        map.insert("labels".into(), labels_json(labels));
    }
    all
}

fn labels_json(labels: &Labels) -> Value {
    let one = |l: &Label| json!({ "key": l.key, "value": l.value });
    Value::Array(labels.labels.iter().map(one).collect())
}

fn status(status: &TaskStatus) -> Value {
    let state = TaskState::try_from(status.state).unwrap_or(TaskState::TaskUnknown);
    let mut all = Map::new();
    all.insert("state".into(), json!(state.as_str_name()));
    all.insert("timestamp".into(), json!(status.timestamp()));
    if let Some(container) = &status.container_status {
        all.insert("container_status".into(), container_status(container));
    }
    if let Some(healthy) = status.healthy {
        all.insert("healthy".into(), json!(healthy));
    }
    Value::Object(all)
}

pub(super) fn container_status(status: &ContainerStatus) -> Value {
    let mut all = Map::new();
    if let Some(id) = &status.container_id {
        all.insert("container_id".into(), json!({ "value": id.value }));
    }
    let address = |ip: &network_info::IpAddress| {
        let protocol = ip.protocol().as_str_name();
        json!({ "protocol": protocol, "ip_address": ip.ip_address() })
    };
    let networks = status.network_infos.iter().map(
        |network| json!({ "ip_addresses": network.ip_addresses.iter().map(address).collect::<Vec<_>>() }),
    );
    all.insert("network_infos".into(), networks.collect());
    if let Some(pid) = status.executor_pid {
        all.insert("executor_pid".into(), json!(pid));
    }
    Value::Object(all)
}

/// Seconds since the epoch.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
