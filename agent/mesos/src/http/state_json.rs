//! `/state`, with the keys of Apache Mesos.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use mesolith_proto::mesos::v1::{
    AgentInfo, ContainerStatus, FrameworkInfo, Label, Labels, Resource, TaskState, TaskStatus, network_info,
};
use serde_json::{Map, Value, json};

use super::AppState;
use crate::info::{attributes_json, from_wire};
use crate::state::{
    Agent, Executor, Task, TaskKey,
    master::{CAPABILITIES, VERSION},
};

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
    set("capabilities", json!(CAPABILITIES.map(|c| c.as_str_name())));
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
pub(super) fn used(agent: &Agent) -> Vec<Resource> {
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
    let show = |(id, info): (&String, &FrameworkInfo)| framework(app, agent, id, info);
    let ended = agent.completed.frameworks();
    let ended = ended.filter(|(id, _)| !agent.frameworks.contains_key(*id));
    (
        agent.frameworks.iter().map(show).collect(),
        ended.map(show).collect(),
    )
}

/// One container of a framework: a task's own, or its executor's.
#[derive(Default)]
struct Run<'a> {
    executor: Option<&'a Executor>,
    live: Vec<(&'a TaskKey, &'a Task)>,
    ended: Vec<(&'a TaskKey, &'a Task)>,
    /// The agent still has its executor or a task of it.
    lives: bool,
}

/// Containers by executor id and container id.
type Runs<'a> = BTreeMap<(&'a str, &'a str), Run<'a>>;

fn runs<'a>(agent: &'a Agent, framework: &str) -> Runs<'a> {
    let mut runs = Runs::new();
    for (key, executor) in agent.completed.executors() {
        if key.framework == framework {
            let run = runs.entry((&key.executor, &executor.container)).or_default();
            run.executor = Some(executor);
        }
    }
    for (key, task) in agent.completed.tasks() {
        if key.framework == framework {
            let run = runs.entry((task.executor_id(), &task.container)).or_default();
            run.ended.push((key, task));
        }
    }
    for (key, executor) in agent.executors.iter().filter(|(k, _)| k.framework == framework) {
        let run = runs.entry((&key.executor, &executor.container)).or_default();
        run.executor = Some(executor);
        run.lives = true;
    }
    for (key, task) in agent.tasks.iter().filter(|(k, _)| k.framework == framework) {
        let run = runs.entry((task.executor_id(), &task.container)).or_default();
        run.live.push((key, task));
        run.lives = true;
    }
    runs
}

fn framework(app: &AppState, agent: &Agent, id: &str, info: &FrameworkInfo) -> Value {
    let (live, ended): (Runs<'_>, Runs<'_>) = runs(agent, id).into_iter().partition(|(_, run)| run.lives);
    let show = |runs: Runs<'_>| -> Vec<Value> {
        runs.iter()
            .map(|((name, container), run)| {
                let directory = app.paths.sandbox(agent.id(), id, name, container);
                executor(&agent.info, name, container, &directory, run)
            })
            .collect()
    };
    let roles = if info.roles.is_empty() {
        vec![info.role().to_owned()]
    } else {
        info.roles.clone()
    };
    let mut all = json!({
        "id": id,
        "name": info.name,
        "user": info.user,
        "failover_timeout": info.failover_timeout(),
        "checkpoint": info.checkpoint(),
        "hostname": info.hostname(),
        "roles": roles,
        "executors": show(live),
        "completed_executors": show(ended),
    });
    if let Some(principal) = &info.principal {
        all["principal"] = json!(principal);
    }
    all
}

fn executor(agent: &AgentInfo, name: &str, container: &str, directory: &Path, run: &Run<'_>) -> Value {
    let own = run.executor;
    let show = |tasks: &[&(&TaskKey, &Task)]| -> Vec<Value> {
        tasks.iter().map(|(key, t)| task(agent, key, t)).collect()
    };
    let waits = |(key, _): &&(&TaskKey, &Task)| own.is_some_and(|e| e.queued.contains(key));
    let (queued, live): (Vec<_>, Vec<_>) = run.live.iter().partition(waits);
    let held = own.into_iter().flat_map(|e| &e.info.resources);
    let busy = run.live.iter().filter(|(_, t)| !t.is_terminal());
    let held: Vec<_> = held
        .chain(busy.flat_map(|(_, t)| &t.info.resources))
        .cloned()
        .collect();
    let first = run
        .live
        .iter()
        .chain(&run.ended)
        .next()
        .map(|(_, task)| &task.info);
    let title = match own {
        Some(executor) => executor.info.name().to_owned(),
        None => {
            let command = first.and_then(|t| t.command.as_ref()).map_or("", |c| c.value());
            format!("Command Executor (Task: {name}) (Command: sh -c '{command}')")
        }
    };
    let resources = own.map(|e| &e.info.resources).into_iter();
    let resources = resources.chain(first.map(|t| &t.resources)).flatten();
    let labels = match own {
        Some(executor) => executor.info.labels.as_ref(),
        None => first.and_then(|t| t.labels.as_ref()),
    };
    let mut all = json!({
        "id": name,
        "name": title,
        "source": own.map_or(name, |e| e.info.source()),
        "container": container,
        "directory": directory,
        "resources": from_wire(&held).summary(),
        "role": role(resources),
        "tasks": show(&live),
        "queued_tasks": show(&queued),
        "completed_tasks": show(&run.ended.iter().collect::<Vec<_>>()),
    });
    if let Some(labels) = labels {
        all["labels"] = labels_json(labels);
    }
    all
}

/// The role that resources are allocated to.
fn role<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> &'a str {
    let mut roles = resources
        .into_iter()
        .filter_map(|r| r.allocation_info.as_ref()?.role.as_deref());
    roles.next().unwrap_or("*")
}

fn task(agent: &AgentInfo, key: &TaskKey, task: &Task) -> Value {
    let mut all = json!({
        "id": key.task,
        "name": task.info.name,
        "framework_id": key.framework,
        "executor_id": task.executor.clone().unwrap_or_default(),
        "slave_id": agent.id.as_ref().map_or("", |id| &id.value),
        "state": task.state.as_str_name(),
        "resources": from_wire(&task.info.resources).summary(),
        "role": role(&task.info.resources),
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
