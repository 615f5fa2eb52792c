//! `/state` and its parts: the JSON that Mesos' tools read, key for key.

mod agents;
mod frameworks;
mod roles;
mod tasks;

use serde_json::{Value, json};

pub(super) use roles::{RoleView, role_views, roles};
pub(super) use tasks::{Page, tasks};

use crate::state::Snapshot;
use crate::time::Time;

/// `/state`.
pub(super) fn state(snapshot: &Snapshot, version: &Value) -> Value {
    let master = &snapshot.config.master;
    let pid = master.pid.clone().unwrap_or_default();
    let (active, inactive) = snapshot
        .agents
        .values()
        .partition::<Vec<_>, _>(|a| snapshot.is_active(a));
    let hostname = master.hostname.clone().unwrap_or_default();
    let mut state = json!({
        "version": version["version"],
        "git_sha": version["git_sha"],
        "git_tag": version["git_tag"],
        "build_date": version["build_date"],
        "build_time": version["build_time"],
        "build_user": version["build_user"],
        "start_time": snapshot.config.started.seconds(),
        "elected_time": snapshot.elected.map(Time::seconds),
        "id": master.id,
        "pid": pid,
        "hostname": hostname,
        "capabilities": ["AGENT_UPDATE", "AGENT_DRAINING"],
        "activated_slaves": count(active.len()),
        "deactivated_slaves": count(inactive.len()),
        "unreachable_slaves": count(snapshot.unreachable),
        "leader": pid,
        "leader_info": {"id": master.id, "pid": pid, "port": master.port, "hostname": hostname},
        "flags": snapshot.config.flags,
        "slaves": snapshot.agents.values().map(|a| agents::brief(snapshot, a)).collect::<Vec<_>>(),
        "recovered_slaves": [],
        "frameworks": snapshot.frameworks.values().map(|f| frameworks::full(snapshot, f)).collect::<Vec<_>>(),
        "completed_frameworks": snapshot.completed.iter().map(|f| frameworks::full(snapshot, f)).collect::<Vec<_>>(),
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    });
    if let Some(cluster) = &snapshot.config.cluster {
        state["cluster"] = json!(cluster);
    }
    state
}

/// `/state-summary`.
pub(super) fn summary(snapshot: &Snapshot) -> Value {
    let mut summary = json!({
        "hostname": snapshot.config.master.hostname,
        "slaves": snapshot.agents.values().map(|a| agents::counted(snapshot, a)).collect::<Vec<_>>(),
        "frameworks": snapshot.frameworks.values().map(|f| frameworks::counted(snapshot, f)).collect::<Vec<_>>(),
    });
    if let Some(cluster) = &snapshot.config.cluster {
        summary["cluster"] = json!(cluster);
    }
    summary
}

/// `/slaves`.
pub(super) fn slaves(snapshot: &Snapshot, wanted: Option<&str>) -> Value {
    let chosen = snapshot
        .agents
        .values()
        .filter(|a| wanted.is_none_or(|id| a.id.as_str() == id));
    json!({ "slaves": chosen.map(|a| agents::full(snapshot, a)).collect::<Vec<_>>(), "recovered_slaves": [] })
}

/// `/mesolith/agents`: for each agent how many of its tasks have not ended, what is used of it and by whom, and what
/// operators decided about it.
pub(super) fn agents(snapshot: &Snapshot) -> Value {
    let shown = snapshot
        .agents
        .values()
        .map(|agent| (agent.id.to_string(), agents::numbers(snapshot, agent)));
    let frameworks = snapshot.frameworks.values();
    let names = frameworks.map(|framework| (framework.id.to_string(), json!(framework.info.name)));
    json!({
        "agents": shown.collect::<serde_json::Map<_, _>>(),
        "frameworks": names.collect::<serde_json::Map<_, _>>(),
    })
}

/// `/frameworks`.
pub(super) fn frameworks(snapshot: &Snapshot, wanted: Option<&str>) -> Value {
    let is_wanted =
        |f: &&std::sync::Arc<crate::state::Framework>| wanted.is_none_or(|id| f.id.as_str() == id);
    let show = |f: &std::sync::Arc<crate::state::Framework>| frameworks::full(snapshot, f);
    json!({
        "frameworks": snapshot.frameworks.values().filter(is_wanted).map(show).collect::<Vec<_>>(),
        "completed_frameworks": snapshot.completed.iter().filter(is_wanted).map(show).collect::<Vec<_>>(),
        "unregistered_frameworks": [],
    })
}

/// Mesos writes counts as doubles.
#[allow(clippy::cast_precision_loss)]
fn count(n: usize) -> f64 {
    n as f64
}

/// States that the summaries count, in Mesos' order.
const COUNTED: [&str; 10] = [
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_KILLING",
    "TASK_FINISHED",
    "TASK_KILLED",
    "TASK_FAILED",
    "TASK_LOST",
    "TASK_ERROR",
    "TASK_UNREACHABLE",
];

/// How many tasks are in each counted state, as JSON members.
fn count_states<'a>(tasks: impl Iterator<Item = &'a crate::state::Task>) -> serde_json::Map<String, Value> {
    let mut counts: serde_json::Map<String, Value> = COUNTED
        .iter()
        .map(|name| ((*name).to_owned(), json!(0)))
        .collect();
    for task in tasks {
        if let Some(n) = counts.get_mut(task.state().as_str()) {
            *n = json!(n.as_u64().unwrap_or_default() + 1);
        }
    }
    counts
}
