//! Counts, plan and nodes of a MesosCluster's status. Pure.

use super::super::model::{int, wanted};
use super::Seen;
use super::sides;
use crate::nodes::{Kind, Ledger, NodeView};
use mesolith_crds::Reason;
use mesolith_crds::condition::SPEC_BEHIND;
use mesolith_crds::v1alpha1::MesosClusterStatus;
use mesolith_crds::v1alpha1::mesos_cluster::{
    AgentCounts, ClusterSide, ComponentStatus, MemberCounts, NodeStatus,
};
use std::collections::BTreeSet;

/// As many nodes as the CRD lets a status list.
const NODES_LISTED: usize = 128;
/// Longest message of a node or component that the CRD takes.
const MESSAGE_LIMIT: usize = 1024;

/// The status for what was seen. Fields that this controller does not own stay as they were.
pub(super) fn status(before: &MesosClusterStatus, seen: &Seen<'_>) -> MesosClusterStatus {
    let world = seen.world;
    let mut after = before.clone();
    let leads = before
        .form
        .as_ref()
        .map_or(ClusterSide::Source, |form| form.leads);
    let (source, target) = (seen.sides.source(), seen.sides.target());
    let leading = seen.sides.get(leads).unwrap_or(source);
    after.zookeeper_url = Some(leading.valid.zookeeper_url.clone());
    after.zookeeper_ids = source.server_ids.clone();
    after.target_zookeeper_ids = target.map(|side| side.server_ids.clone()).unwrap_or_default();
    after.sides = sides::counted(seen);
    after.observed_form = before.form.as_ref().map(|form| form.generation);
    after.leader = seen.leader.address.clone();
    after.plan = seen.decision.plan.clone();
    let managed = seen.sides.iter().any(|side| !side.valid.zookeeper.is_empty());
    after.zookeeper = managed.then(|| counts(seen, Kind::ZooKeeper));
    after.masters = Some(counts(seen, Kind::Master));
    let agents = counts(seen, Kind::Agent);
    after.agents = Some(AgentCounts::new(
        agents.ready,
        agents.desired,
        int(seen.draining.iter().filter(|entry| !entry.retracting).count()),
    ));
    after.draining_agents = seen.draining.to_vec();
    // Without a leader there are no figures. When it does not answer for a moment, its last ones stay.
    if seen.leader.address.is_none() {
        after.resources = None;
        after.tasks = None;
    }
    if seen.leader.resources.is_some() {
        after.resources = seen.leader.resources.clone();
        after.tasks = seen.leader.tasks;
    }
    let ledgers = || world.nodes.values().filter_map(NodeView::ledger);
    let versions: BTreeSet<&String> = ledgers().map(|l| &l.version).filter(|v| !v.is_empty()).collect();
    after.version = versions.first().map(|v| (*v).clone()).or(after.version);
    let newest = ledgers()
        .map(|l| l.generation)
        .max()
        .and_then(|g| i64::try_from(g).ok());
    after.component_generation = newest.filter(|g| *g > 0).or(after.component_generation);
    after.nodes = nodes(seen);
    after.manifest_to_apply = seen
        .adoption
        .and_then(|adoption| adoption.manifest().map(ToOwned::to_owned));
    if seen.adoption.is_none() {
        after
            .conditions
            .retain(|condition| condition.type_ != SPEC_BEHIND);
    }
    after
}

fn counts(seen: &Seen<'_>, kind: Kind) -> MemberCounts {
    let wanted = wanted(seen.desired, kind);
    MemberCounts::new(int(seen.world.serving(wanted.clone())), int(wanted.count()))
}

/// Nodes that need attention first, then the others, up to the limit.
fn nodes(seen: &Seen<'_>) -> Vec<NodeStatus> {
    let mut list: Vec<NodeStatus> = seen
        .world
        .nodes
        .iter()
        .map(|(name, view)| node(seen, name, view))
        .collect();
    list.sort_by(|a, b| a.ready.cmp(&b.ready).then_with(|| a.name.cmp(&b.name)));
    list.truncate(NODES_LISTED);
    list
}

fn node(seen: &Seen<'_>, name: &str, view: &NodeView) -> NodeStatus {
    let known = seen.sides.node(name);
    let address = known.map(|node| node.address.clone()).unwrap_or_default();
    let base = NodeStatus {
        name: name.to_owned(),
        address,
        ..NodeStatus::default()
    };
    match view {
        NodeView::Unknown => NodeStatus {
            reason: Some(Reason::WaitingForAnswer.to_string()),
            ..base
        },
        NodeView::Unreachable(problem) => NodeStatus {
            reason: Some(problem.reason.to_string()),
            message: text(&problem.message),
            ..base
        },
        NodeView::Seen(ledger) => answering(seen, name, ledger, base),
    }
}

fn answering(seen: &Seen<'_>, name: &str, ledger: &Ledger, base: NodeStatus) -> NodeStatus {
    let components: Vec<ComponentStatus> = ledger
        .parts
        .iter()
        .map(|(slot, part)| ComponentStatus {
            id: seen.ids.id(*slot).to_owned(),
            phase: part.phase_name().to_owned(),
            reason: part.reason.map(|reason| reason.to_string()),
            message: text(&part.message),
            restarts: (part.restarts > 0).then_some(part.restarts.into()),
        })
        .collect();
    let wanted = seen.desired.get(name);
    let missing = wanted
        .into_iter()
        .flatten()
        .any(|(slot, _)| !ledger.parts.contains_key(slot));
    let faulty = components
        .iter()
        .find(|c| c.phase != "Running" && c.phase != "Parked");
    NodeStatus {
        ready: faulty.is_none() && !missing,
        reason: faulty.map(|c| {
            c.reason
                .clone()
                .unwrap_or_else(|| Reason::ComponentNotReady.to_string())
        }),
        message: faulty.and_then(|c| c.message.clone()),
        version: text(&ledger.version),
        components,
        ..base
    }
}

fn text(value: &str) -> Option<String> {
    let cut = &value[..value.floor_char_boundary(MESSAGE_LIMIT)];
    (!cut.is_empty()).then(|| cut.to_owned())
}
