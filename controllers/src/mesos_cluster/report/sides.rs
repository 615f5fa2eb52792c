//! Both sides of a cluster that moves, as its migration reads them. Pure.

use super::super::model::{int, members};
use super::Seen;
use crate::nodes::{Kind, Ledger, NodeView, Part, Slot};
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, DataCopy, MemberCounts, SideCounts};

/// Both sides; nothing for a cluster that does not move.
pub(super) fn counted(seen: &Seen<'_>) -> Vec<SideCounts> {
    if seen.sides.target().is_none() {
        return Vec::new();
    }
    seen.sides.iter().map(|side| one(seen, side.side)).collect()
}

fn one(seen: &Seen<'_>, side: ClusterSide) -> SideCounts {
    let count = |kind: Kind| {
        let slot = Slot::on(side, kind);
        let wanted = members(seen.desired, slot);
        let ready = wanted.clone().filter(|node| serves_as_wanted(seen, node, slot));
        MemberCounts::new(int(ready.count()), int(wanted.count()))
    };
    let left = |kind: Kind| int(left(seen, Slot::on(side, kind)));
    let masters = Slot::on(side, Kind::Master);
    let pinned = seen.world.nodes.keys().filter(|node| {
        let part = seen.world.part(node, masters);
        part.is_some_and(|part| part.cannot_lead)
    });
    let url = seen.sides.get(side).map(|side| side.valid.zookeeper_url.clone());
    SideCounts {
        side,
        zookeeper: count(Kind::ZooKeeper),
        masters: count(Kind::Master),
        pinned: int(pinned.count()),
        masters_left: left(Kind::Master),
        agents: count(Kind::Agent),
        agents_left: left(Kind::Agent),
        zookeeper_left: left(Kind::ZooKeeper),
        engines: count(Kind::Sync),
        engines_left: left(Kind::Sync),
        parked: int(servers(seen, side).filter(|(_, part)| part.is_parked()).count()),
        copies: servers(seen, side).filter_map(copy).collect(),
        zookeeper_url: url,
    }
}

fn serves_as_wanted(seen: &Seen<'_>, node: &str, slot: Slot) -> bool {
    let wanted = seen.desired.get(node).and_then(|set| set.get(&slot));
    let ledger = seen.world.nodes.get(node).and_then(NodeView::ledger);
    matches!((wanted, ledger), (Some(wanted), Some(ledger)) if serves(ledger, slot, &wanted.spec_digest))
}

/// Whether it serves as it was told last: what still runs with an older configuration proves nothing.
fn serves(ledger: &Ledger, slot: Slot, digest: &str) -> bool {
    let part = ledger.parts.get(&slot);
    ledger.settled && !ledger.stale && part.is_some_and(|part| part.runs() && part.digest == digest)
}

/// The ZooKeeper servers of a side, as their nodes show them.
fn servers<'a>(seen: &Seen<'a>, side: ClusterSide) -> impl Iterator<Item = (&'a String, &'a Part)> {
    let slot = Slot::on(side, Kind::ZooKeeper);
    let world = seen.world;
    world
        .nodes
        .keys()
        .filter_map(move |node| Some((node, world.part(node, slot)?)))
}

fn copy((node, part): (&String, &Part)) -> Option<DataCopy> {
    let (path, sha256) = part.data_copy()?;
    Some(DataCopy {
        node: node.clone(),
        path: path.to_owned(),
        sha256: sha256.to_owned(),
    })
}

/// Nodes that show the component, and those of the side's own list that do not answer: they may still have it.
fn left(seen: &Seen<'_>, slot: Slot) -> usize {
    let listed = |node: &String| match (seen.sides.get(slot.side), slot.kind) {
        (None, _) => false,
        (Some(side), Kind::ZooKeeper) => side.valid.zookeeper.contains(node),
        (Some(side), Kind::Master) => side.valid.masters.contains(node),
        (Some(side), Kind::Agent) => side.valid.agents.contains_key(node),
        (Some(_), Kind::Sync) => seen.sides.engine_nodes().contains(node),
    };
    let may_have = |(node, view): &(&String, &NodeView)| match view {
        NodeView::Seen(ledger) => ledger.stale || ledger.parts.contains_key(&slot),
        NodeView::Unknown | NodeView::Unreachable(_) => listed(node),
    };
    seen.world.nodes.iter().filter(may_have).count()
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::part;
    use super::*;
    use mesolith_proto::node::v1::Phase;

    #[test]
    fn an_agent_that_has_not_taken_its_new_address_yet_does_not_count() {
        let slot = Slot::from(Kind::Agent);
        let ledger = |digest: &str, phase: Phase, settled: bool, stale: bool| Ledger {
            settled,
            stale,
            parts: [(slot, part(phase, digest))].into(),
            ..Ledger::default()
        };
        for (ledger, expected) in [
            (ledger("new", Phase::Running, true, false), true),
            (ledger("old", Phase::Running, true, false), false),
            (ledger("new", Phase::Running, false, false), false),
            (ledger("new", Phase::Running, true, true), false),
            (ledger("new", Phase::Starting, true, false), false),
            (Ledger::default(), false),
        ] {
            assert_eq!(serves(&ledger, slot, "new"), expected, "{ledger:?}");
        }
    }
}
