//! The agents of both sides: where tasks are, which agents are being emptied, and which may be next. Pure.
//!
//! An agent is of the side that has its host name and port: two agents on one machine differ in their port.

use super::batch::{self, Room};
use super::machine::{Drained, Goal};
use crate::fleet::{Amounts, Fleet, FleetAgent};
use crate::http::host_port;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentGroup, NodeSet, NodeTable};
use std::collections::{BTreeMap, HashMap};

/// What is known of the agents.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// Tasks on both sides, as far as the leader knows their agents.
    pub(super) tasks: [usize; 2],
    /// Agents that are to leave and have not left, by node.
    pub(super) drained: BTreeMap<String, Drained>,
    /// Agents of which the master is told that they are not to leave any more, or have left.
    pub(super) retracting: usize,
    /// Nodes whose agents may be emptied next; absent while the leader does not say.
    pub(super) next_batch: Option<Vec<String>>,
    /// Ids of cluster B's agents that are offered.
    pub(super) target: Vec<String>,
}

/// Reads it from what the leader counts and the cluster's status; `settled` says that agents had the time to register
/// with this leader.
pub(super) fn agents(cluster: &MesosCluster, goal: &Goal, fleet: Option<&Fleet>, settled: bool) -> Agents {
    let status = cluster.status.clone().unwrap_or_default();
    let mut agents = Agents {
        retracting: status
            .draining_agents
            .iter()
            .filter(|entry| entry.retracting)
            .count(),
        ..Agents::default()
    };
    for entry in status.draining_agents.iter().filter(|entry| !entry.retracting) {
        let listed = fleet.and_then(|fleet| fleet.agents.get(entry.agent_id.as_deref()?));
        let names = |agent| fleet.map(|fleet| fleet.names(agent)).unwrap_or_default();
        let drained = Drained {
            tasks: listed.map(|agent| agent.tasks),
            frameworks: listed.map(names).unwrap_or_default(),
        };
        agents.drained.insert(entry.node.clone(), drained);
    }
    let Some(fleet) = fleet else {
        return agents;
    };
    let at: HashMap<String, (&String, &FleetAgent)> = fleet
        .agents
        .iter()
        .map(|(id, agent)| (host_port(&agent.hostname, agent.port), (id, agent)))
        .collect();
    let source = on_nodes(&cluster.spec.nodes, &cluster.spec.agents, &at);
    let all = goal.target.with_nodes_of(&cluster.spec.nodes);
    let target = on_nodes(&all, &goal.target.agents, &at);
    let tasks =
        |side: &BTreeMap<String, (&String, &FleetAgent)>| side.values().map(|(_, agent)| agent.tasks).sum();
    agents.tasks = [tasks(&source), tasks(&target)];
    let open = || target.values().filter(|(_, agent)| agent.active);
    agents.target = open().map(|(id, _)| (*id).clone()).collect();
    let used = |node: &String| -> Option<Amounts> { Some(source.get(node)?.1.used) };
    let form = status.form.as_ref();
    agents.next_batch = Some(batch::next(&Room {
        source: goal
            .source_agents
            .iter()
            .map(|node| (node.as_str(), used(node)))
            .collect(),
        leaving: agents.drained.keys().map(String::as_str).collect(),
        retired: form
            .iter()
            .flat_map(|form| form.retired_agents.iter().map(String::as_str))
            .collect(),
        target: (
            batch::sum(open().map(|(_, agent)| agent.resources)),
            batch::sum(open().map(|(_, agent)| agent.used)),
        ),
        settled,
    }));
    agents
}

/// The agents of some groups, by node.
fn on_nodes<'a>(
    nodes: &[NodeSet],
    groups: &[AgentGroup],
    at: &HashMap<String, (&'a String, &'a FleetAgent)>,
) -> BTreeMap<String, (&'a String, &'a FleetAgent)> {
    let Ok(table) = NodeTable::new(nodes) else {
        return BTreeMap::new(); // the cluster's controller says what is wrong with it
    };
    let mut found = BTreeMap::new();
    for group in groups {
        for node in table.select("agents", &group.nodes).unwrap_or_default() {
            if let Some(agent) = at.get(&host_port(node.host(), group.port())) {
                found.insert(node.name.clone(), *agent);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_crds::v1alpha1::mesos_cluster::{
        ClusterForm, DrainingAgent, MesosClusterSpec, TargetCluster,
    };
    use serde_json::json;

    /// A and B share node n2; B's agent there has another port.
    fn cluster(draining: Vec<DrainingAgent>) -> (MesosCluster, Goal) {
        let spec: MesosClusterSpec = serde_json::from_value(json!({
            "nodes": [{"name": "n[1-3]", "address": "192.0.2.[1-3]:7070"}],
            "zookeeper": {"nodes": "n1"}, "masters": {"nodes": "n1"},
            "agents": [{"name": "a", "nodes": "n[1-2]"}],
        }))
        .unwrap();
        let mut cluster = MesosCluster::new("prod", spec);
        cluster.status = Some(Default::default());
        let status = cluster.status.as_mut().unwrap();
        status.draining_agents = draining;
        status.form = Some(ClusterForm {
            retired_agents: vec!["n1".to_owned()],
            ..ClusterForm::default()
        });
        let target: TargetCluster =
            serde_json::from_value(json!({"agents": [{"name": "b", "nodes": "n[2-3]", "port": 6051}]}))
                .unwrap();
        let goal = Goal {
            target,
            source_agents: vec!["n1".to_owned(), "n2".to_owned()],
            ..Goal::default()
        };
        (cluster, goal)
    }

    fn fleet() -> Fleet {
        let agent = |host: u8, port: u16, tasks: usize| {
            json!({
                "hostname": format!("192.0.2.{host}"), "ip": format!("192.0.2.{host}"), "port": port, "active": true,
                "tasks": tasks, "frameworks": ["f"], "resources": {"cpus": 8.0, "mem": 8192.0},
                "used": {"cpus": tasks, "mem": 10.0},
            })
        };
        serde_json::from_value(json!({
            "agents": {
                "S1": agent(1, 5051, 2), "S2": agent(2, 5051, 3), "S3": agent(2, 6051, 1), "S4": agent(3, 6051, 0),
                "S9": agent(9, 5051, 7),
            },
            "frameworks": {"f": "chronos"},
        }))
        .unwrap()
    }

    fn entry(retracting: bool) -> DrainingAgent {
        DrainingAgent {
            node: "n1".to_owned(),
            agent_id: Some("S1".to_owned()),
            retracting,
            ..DrainingAgent::default()
        }
    }

    #[test]
    fn agents_are_told_apart_by_their_port_and_others_do_not_count() {
        let (cluster, goal) = cluster(vec![entry(false)]);
        let seen = agents(&cluster, &goal, Some(&fleet()), true);
        assert_eq!(seen.tasks, [5, 1]);
        assert_eq!(seen.target, ["S3", "S4"]);
        let drained = Drained {
            tasks: Some(2),
            frameworks: vec!["chronos".to_owned()],
        };
        assert_eq!(seen.drained, [("n1".to_owned(), drained)].into());
        assert_eq!(seen.next_batch, Some(vec![]), "one at a time of so few");
    }

    #[test]
    fn the_next_goes_when_the_one_before_has_left() {
        let (cluster, goal) = cluster(vec![entry(true)]);
        let seen = agents(&cluster, &goal, Some(&fleet()), true);
        assert_eq!((seen.drained.len(), seen.retracting), (0, 1));
        assert_eq!(seen.next_batch, Some(vec!["n2".to_owned()]));
    }

    #[test]
    fn what_the_leader_does_not_say_is_not_known() {
        let (cluster, goal) = cluster(vec![entry(false)]);
        let silent = agents(&cluster, &goal, None, true);
        assert_eq!(silent.next_batch, None);
        assert_eq!(silent.drained["n1"].tasks, None);
        let new = agents(&cluster, &goal, Some(&Fleet::default()), false);
        assert_eq!((new.drained["n1"].tasks, new.next_batch), (None, Some(vec![])));
    }

    /// A figure for people, `cargo test -- --nocapture`.
    #[test]
    fn ten_thousand_agents() {
        let (mut cluster, mut goal) = cluster(Vec::new());
        let nodes = |side: &str| NodeSet {
            name: format!("{side}[1-10000]"),
            address: format!("host-{side}[1-10000]:7070"),
            ..NodeSet::default()
        };
        cluster.spec.nodes = vec![nodes("a"), nodes("b")];
        cluster.spec.agents[0].nodes = "a[1-10000]".to_owned();
        goal.target.agents[0].nodes = "b[1-10000]".to_owned();
        goal.source_agents = (1..=10_000).map(|n| format!("a{n}")).collect();
        let all = [("a", 5051, 10), ("b", 6051, 0)];
        let all = all
            .into_iter()
            .flat_map(|side| (1..=10_000_u32).map(move |n| (side, n)));
        let agents_of = all.map(|((side, port, tasks), n)| {
            let agent = FleetAgent {
                hostname: format!("host-{side}{n}"),
                port,
                active: true,
                tasks,
                resources: Amounts {
                    cpus: 32.0,
                    mem: 65536.0,
                    ..Amounts::default()
                },
                ..FleetAgent::default()
            };
            (format!("{side}-S{n}"), agent)
        });
        let fleet = Fleet {
            agents: agents_of.collect(),
            ..Fleet::default()
        };
        let start = std::time::Instant::now();
        let seen = agents(&cluster, &goal, Some(&fleet), true);
        eprintln!(
            "10,000 agents of each side seen and a batch chosen: {:?}",
            start.elapsed()
        );
        assert_eq!(seen.tasks, [100_000, 0]);
        assert_eq!(seen.next_batch.map(|batch| batch.len()), Some(100));
    }
}
