//! What the leading master says about the cluster, over its plain HTTP API.

use super::model::World;
use super::sides::Sides;
use crate::http::host_port;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterResources, ResourceUse};
use serde_json::Value;
use std::time::Duration;

/// The leader answers from memory; a slow one is a sick one, and the next look comes soon.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What the leader says; `None` where it does not answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LeaderFacts {
    /// `host:port` of the leader, as far as the nodes know one.
    pub(crate) address: Option<String>,
    /// Resources of all agents.
    pub(crate) resources: Option<ClusterResources>,
    /// Tasks that have not ended.
    pub(crate) tasks: Option<i64>,
    /// Agents registered.
    pub(crate) agents: Option<usize>,
}

/// `host:port` of the leading master.
pub(crate) fn address(world: &World, sides: &Sides) -> Option<String> {
    let (node, side) = world.leader()?;
    let valid = &sides.get(side)?.valid;
    let node = valid.nodes.get(node)?;
    Some(host_port(node.host(), valid.master_port))
}

/// Asks the leader; never fails, since the facts are for people.
pub(crate) async fn ask(http: &reqwest::Client, sides: &Sides, world: &World) -> LeaderFacts {
    let Some(address) = address(world, sides) else {
        return LeaderFacts::default();
    };
    let metrics = get(http, &format!("http://{address}/metrics/snapshot")).await;
    let mut facts = metrics.as_ref().map(read).unwrap_or_default();
    facts.address = Some(address);
    facts
}

async fn get(http: &reqwest::Client, url: &str) -> Option<Value> {
    let answer = http.get(url).timeout(TIMEOUT).send().await.ok()?;
    answer.error_for_status().ok()?.json().await.ok()
}

fn read(metrics: &Value) -> LeaderFacts {
    let number = |key: &str| metrics.get(format!("master/{key}")).and_then(Value::as_f64);
    let usage = |name: &str| {
        Some(ResourceUse::new(
            number(&format!("{name}_used"))?,
            number(&format!("{name}_total"))?,
        ))
    };
    let resources = || {
        Some(ClusterResources {
            cpus: usage("cpus")?,
            mem: usage("mem")?,
            disk: usage("disk").unwrap_or_default(),
            gpus: usage("gpus").filter(|gpus| gpus.total > 0.0),
        })
    };
    let states = ["staging", "starting", "running", "killing", "unreachable"];
    let counts: Vec<f64> = states
        .iter()
        .filter_map(|state| number(&format!("tasks_{state}")))
        .collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts of tasks and agents
    LeaderFacts {
        address: None,
        resources: resources(),
        tasks: (!counts.is_empty()).then(|| counts.iter().sum::<f64>() as i64),
        agents: number("slaves_active").map(|n| n as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metrics_become_facts() {
        let facts = read(&json!({
            "master/cpus_used": 1.5, "master/cpus_total": 8.0, "master/mem_used": 128, "master/mem_total": 1024,
            "master/disk_used": 0, "master/disk_total": 0, "master/gpus_used": 0, "master/gpus_total": 0,
            "master/tasks_running": 3, "master/tasks_staging": 1, "master/slaves_active": 2
        }));
        let resources = facts.resources.unwrap();
        assert_eq!((resources.cpus.summary.as_str(), resources.gpus), ("1.5/8", None));
        assert_eq!((facts.tasks, facts.agents), (Some(4), Some(2)));
        assert_eq!(read(&json!({})), LeaderFacts::default());
    }
}
