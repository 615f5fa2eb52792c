//! The framework's tasks as the leading master lists them: what a restarted operator begins with.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mesolith_marathon::{
    Instance, TaskId,
    instance::{Health, State},
    offer::Agent,
    task::{self, LABEL_APP, LABEL_CHECKS, LABEL_PORTS, LABEL_VERSION},
};
use serde::Deserialize;

use super::events::at;

/// States of tasks that are not over.
const LIVING: [&str; 5] = [
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_KILLING",
    "TASK_UNREACHABLE",
];

/// The parts of `/state` that matter.
#[derive(Debug, Deserialize)]
pub(super) struct MasterState {
    #[serde(default)]
    frameworks: Vec<Framework>,
    #[serde(default)]
    slaves: Vec<Slave>,
}

#[derive(Debug, Deserialize)]
struct Framework {
    id: String,
    #[serde(default)]
    tasks: Vec<Task>,
    #[serde(default)]
    unreachable_tasks: Vec<Task>,
}

#[derive(Debug, Deserialize)]
struct Task {
    id: String,
    slave_id: String,
    state: String,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
struct Label {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize)]
struct Status {
    state: String,
    #[serde(default)]
    timestamp: Option<f64>,
    #[serde(default)]
    healthy: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Slave {
    id: String,
    hostname: String,
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    resources: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    domain: Option<serde_json::Value>,
}

/// Tasks of the framework that are not over, with the owner their label names.
pub(super) fn instances(state: &MasterState, framework: &str, now: Timestamp) -> Vec<(String, Instance)> {
    let agents: BTreeMap<&str, &Slave> = state
        .slaves
        .iter()
        .map(|slave| (slave.id.as_str(), slave))
        .collect();
    let ours = state.frameworks.iter().filter(|f| f.id == framework);
    ours.flat_map(|f| f.tasks.iter().chain(&f.unreachable_tasks))
        .filter_map(|task| instance(task, agents.get(task.slave_id.as_str()).copied(), now))
        .collect()
}

/// Ids of the framework's tasks that are not over and carry no labels of ours.
pub(super) fn foreign(state: &MasterState, framework: &str, now: Timestamp) -> BTreeSet<String> {
    let over = |task: &&Task| !LIVING.contains(&task.state.as_str());
    let ours = state.frameworks.iter().filter(|f| f.id == framework);
    ours.flat_map(|f| f.tasks.iter().chain(&f.unreachable_tasks))
        .filter(|task| !over(task) && instance(task, None, now).is_none())
        .map(|task| task.id.clone())
        .collect()
}

/// Agents whose tasks the list shows completely: those that reported to this master. None while it does not show the
/// framework itself.
pub(super) fn listed<'a>(state: &'a MasterState, framework: &str) -> BTreeSet<&'a str> {
    let shown = state.frameworks.iter().any(|f| f.id == framework);
    let slaves = state.slaves.iter().filter(|_| shown);
    slaves.map(|slave| slave.id.as_str()).collect()
}

/// Agents of the cluster, with what constraints ask about.
pub(super) fn agents(state: &MasterState) -> impl Iterator<Item = Agent> {
    state.slaves.iter().map(agent)
}

/// All ports of every agent that the list shows, by its id.
pub(super) fn ports(state: &MasterState) -> BTreeMap<String, Vec<(u16, u16)>> {
    let of = |slave: &Slave| {
        let text = slave.resources.get("ports").and_then(|ports| ports.as_str());
        text.map(port_ranges).unwrap_or_default()
    };
    let slaves = state.slaves.iter();
    slaves.map(|slave| (slave.id.clone(), of(slave))).collect()
}

/// `[31000-31099, 31200-31299]`.
fn port_ranges(text: &str) -> Vec<(u16, u16)> {
    let parts = text.trim_matches(['[', ']']).split(',');
    parts
        .filter_map(|part| {
            let (begin, end) = part.trim().split_once('-')?;
            Some((begin.parse().ok()?, end.parse().ok()?))
        })
        .collect()
}

fn instance(task: &Task, slave: Option<&Slave>, now: Timestamp) -> Option<(String, Instance)> {
    let id: TaskId = task.id.parse().ok()?;
    let label = |key: &str| {
        task.labels
            .iter()
            .find(|label| label.key == key)
            .map(|label| label.value.clone())
    };
    let state = match task.state.as_str() {
        "TASK_STAGING" => State::Staging,
        "TASK_STARTING" => State::Starting,
        "TASK_RUNNING" => State::Running,
        "TASK_KILLING" => State::Killing,
        "TASK_UNREACHABLE" => State::Unreachable,
        _ => return None,
    };
    let time_of = |name: &str| {
        task.statuses
            .iter()
            .find(|status| status.state == name)
            .and_then(|status| at(status.timestamp))
    };
    let since = time_of(&task.state).unwrap_or(now);
    let started = time_of("TASK_RUNNING").or((state == State::Running).then_some(now));
    let healthy = task.statuses.last().and_then(|status| status.healthy);
    let ports = label(LABEL_PORTS).unwrap_or_default();
    let instance = Instance {
        task: id,
        version: label(LABEL_VERSION)?,
        state,
        since,
        staged: task
            .statuses
            .first()
            .and_then(|status| at(status.timestamp))
            .unwrap_or(now),
        started,
        health: match healthy {
            Some(true) => Health::Healthy,
            Some(false) => Health::Unhealthy,
            None => Health::Unknown,
        },
        kill_sent: (state == State::Killing).then_some(since),
        agent: slave.map_or_else(
            || Agent {
                id: task.slave_id.clone(),
                ..Agent::default()
            },
            agent,
        ),
        host_ports: ports.split(',').filter_map(|port| port.parse().ok()).collect(),
        checks: task::checks_of(label(LABEL_CHECKS).as_deref()),
    };
    Some((label(LABEL_APP)?, instance))
}

fn agent(slave: &Slave) -> Agent {
    let domain = |part: &str| {
        let name = slave
            .domain
            .as_ref()?
            .get("fault_domain")?
            .get(part)?
            .get("name")?;
        name.as_str().map(str::to_owned)
    };
    Agent {
        id: slave.id.clone(),
        hostname: slave.hostname.clone(),
        region: domain("region"),
        zone: domain("zone"),
        attributes: slave
            .attributes
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    }
}

fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number
            .as_f64()
            .map(mesolith_marathon::offer::Amount::new)
            .unwrap_or_default()
            .to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_back_with_their_agents() {
        let state: MasterState = serde_json::from_value(serde_json::json!({
            "slaves": [{"id": "S1", "hostname": "w1", "attributes": {"rack": "a", "cores": 8.0}}],
            "frameworks": [{"id": "F", "tasks": [
                {"id": "a.instance-00000000-0000-0000-0000-000000000007._app.1", "slave_id": "S1",
                 "state": "TASK_RUNNING",
                 "labels": [{"key": "mesolith.io/app", "value": "ns/a"}, {"key": "mesolith.io/version", "value": "v"},
                            {"key": "mesolith.io/ports", "value": "31001,31000"}],
                 "statuses": [{"state": "TASK_RUNNING", "timestamp": 100.5, "healthy": true}]},
                {"id": "someone-elses", "slave_id": "S1", "state": "TASK_RUNNING"}
            ]}, {"id": "G", "tasks": []}]
        }))
        .unwrap();
        let found = instances(&state, "F", Timestamp::UNIX_EPOCH);
        let [(owner, instance)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(owner, "ns/a");
        let foreign = foreign(&state, "F", Timestamp::UNIX_EPOCH);
        assert_eq!(foreign.into_iter().collect::<Vec<_>>(), ["someone-elses"]);
        assert_eq!(instance.host_ports, [31001, 31000]);
        assert_eq!(instance.agent.field("rack"), Some("a"));
        assert_eq!(instance.agent.field("cores"), Some("8"));
        assert_eq!(instance.started, Some("1970-01-01T00:01:40.5Z".parse().unwrap()));
        assert_eq!(instance.health, Health::Healthy);
    }
}
