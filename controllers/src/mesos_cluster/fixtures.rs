//! Specs and worlds for tests, named by scenario.

use super::model::{Desired, World};
use super::sides::Sides;
use super::validate::{Error, Valid, validate};
use crate::nodes::{Ids, Kind, Ledger, NodeView, Part};
use crate::problem::Problem;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::{MesosClusterSpec, MesosClusterStatus};
use mesolith_proto::node::v1::Phase;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Three control nodes with a ZooKeeper server and a master each, two workers.
pub(crate) fn three_nodes() -> Value {
    json!({
        "nodes": [
            {"name": "cp[1-3]", "address": "192.0.2.1[1-3]:7070"},
            {"name": "w[1-2]", "address": "w[1-2].dc1:7070", "attributes": {"zone": "a"}}
        ],
        "zookeeper": {"nodes": "cp[1-3]"},
        "masters": {"nodes": "cp[1-3]"},
        "agents": [{"name": "general", "nodes": "w[1-2]"}]
    })
}

pub(crate) fn spec(value: &Value) -> MesosClusterSpec {
    serde_json::from_value(value.clone()).unwrap()
}

pub(crate) fn valid(value: &Value) -> Result<Valid, Error> {
    validate("prod", &spec(value))
}

pub(crate) fn sides(value: &Value) -> Sides {
    Sides::of("prod", &spec(value), &MesosClusterStatus::default()).unwrap()
}

pub(crate) fn desired(value: Value) -> Desired {
    super::assemble::desired(&sides(&value), None, &Ids::default())
}

pub(crate) fn part(phase: Phase, digest: &str) -> Part {
    Part {
        phase,
        digest: digest.into(),
        reason: None,
        message: String::new(),
        restarts: 0,
        facts: BTreeMap::new(),
        tasks_left: 0,
        may_lead: None,
        told_to_park: false,
        cannot_lead: false,
    }
}

/// Every node answers and has nothing.
pub(crate) fn empty_world(desired: &Desired) -> World {
    let fresh = NodeView::Seen(Ledger {
        settled: true,
        ..Ledger::default()
    });
    World {
        nodes: desired.keys().map(|n| (n.clone(), fresh.clone())).collect(),
        ..World::default()
    }
}

/// Everything serves as wanted; cp2 leads the masters, cp3 the ensemble.
pub(crate) fn serving(desired: &Desired) -> World {
    let mut world = empty_world(desired);
    for (node, set) in desired {
        let parts = set.iter().map(|(slot, c)| {
            let mut part = part(Phase::Running, &c.spec_digest);
            match (slot.kind, node.as_str()) {
                (Kind::Master, "cp2") => drop(part.facts.insert("leading".into(), "true".into())),
                (Kind::ZooKeeper, "cp3") => drop(part.facts.insert("mode".into(), "leader".into())),
                (Kind::Agent, _) => drop(part.facts.insert("agentId".into(), format!("S-{node}"))),
                _ => {}
            }
            (*slot, part)
        });
        let parts = parts.collect();
        let ledger = Ledger {
            present: true,
            generation: 1 << 20,
            settled: true,
            parts,
            ..Ledger::default()
        };
        world.nodes.insert(node.clone(), NodeView::Seen(ledger));
    }
    world
}

pub(crate) fn ledger<'a>(world: &'a mut World, node: &str) -> &'a mut Ledger {
    match world.nodes.get_mut(node) {
        Some(NodeView::Seen(ledger)) => ledger,
        other => panic!("{node}: {other:?}"),
    }
}

/// The node was told to let its agent go, which has so many tasks to stop.
pub(crate) fn agent_leaves(world: &mut World, node: &str, tasks_left: u32) {
    let agent = ledger(world, node).parts.entry(Kind::Agent.into());
    let agent = agent.or_insert_with(|| part(Phase::Stopping, ""));
    (agent.digest, agent.phase, agent.tasks_left) = (String::new(), Phase::Stopping, tasks_left);
    (agent.reason, agent.message) = (Some(Reason::StoppingTasks), format!("{tasks_left} tasks"));
}

pub(crate) fn set_phase(
    world: &mut World,
    node: &str,
    kind: Kind,
    phase: Phase,
    reason: impl Into<Option<Reason>>,
    message: &str,
) {
    let part = ledger(world, node).parts.get_mut(&kind.into()).unwrap();
    (part.phase, part.reason, part.message) = (phase, reason.into(), message.into());
}

pub(crate) fn cut_off(world: &mut World, node: &str) {
    let message = format!(
        "{node} (192.0.2.1:7070): connection refused. Is the node agent running? systemctl status mesolith-agent"
    );
    let problem = Problem::new(Reason::NodeUnreachable, message).on(node);
    world.nodes.insert(node.into(), NodeView::Unreachable(problem));
}
