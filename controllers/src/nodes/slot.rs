//! Which component of a cluster something is: its kind and, while the cluster moves, its side. Its id on a node follows.

use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind};
use std::collections::BTreeSet;

/// Kinds of components, in the order in which a cluster comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A ZooKeeper server.
    ZooKeeper,
    /// A sync engine between the two ensembles of a cluster that moves.
    Sync,
    /// A master.
    Master,
    /// A Mesos agent.
    Agent,
}

impl Kind {
    /// Those that every cluster has, in the order in which it comes up.
    pub(crate) const ALL: [Kind; 3] = [Kind::ZooKeeper, Kind::Master, Kind::Agent];

    /// For sentences.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::ZooKeeper => "zookeeper",
            Kind::Sync => "sync",
            Kind::Master => "master",
            Kind::Agent => "agent",
        }
    }

    /// For sentences about many.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Kind::ZooKeeper => "ZooKeeper servers",
            Kind::Sync => "sync engines",
            Kind::Master => "masters",
            Kind::Agent => "agents",
        }
    }
}

/// A component of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    /// Its kind.
    pub(crate) kind: Kind,
    /// The side it belongs to; a cluster that does not move has one.
    pub(crate) side: ClusterSide,
}

impl Slot {
    /// On that side.
    pub(crate) fn on(side: ClusterSide, kind: Kind) -> Self {
        Self { kind, side }
    }
}

impl From<Kind> for Slot {
    fn from(kind: Kind) -> Self {
        Self::on(ClusterSide::Source, kind)
    }
}

/// The ids that a cluster's components have on nodes. Each kind has two, so that both sides of a cluster that moves may
/// stand on one node; after a move the second one is the cluster's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids(BTreeSet<Kind>);

impl Ids {
    /// All ids that there are.
    pub(crate) const ALL: [&'static str; 7] = [
        "zookeeper",
        "zookeeper2",
        "sync",
        "master",
        "master2",
        "agent",
        "agent2",
    ];

    /// As the status has it: kinds whose components of the spec have the second id.
    pub(crate) fn of(second: &[ComponentKind]) -> Self {
        let kind = |kind: &ComponentKind| match kind {
            ComponentKind::ZooKeeper => Kind::ZooKeeper,
            ComponentKind::Master => Kind::Master,
            ComponentKind::Agent => Kind::Agent,
        };
        Self(second.iter().map(kind).collect())
    }

    /// The component's id on a node.
    pub(crate) fn id(&self, slot: Slot) -> &'static str {
        let second = self.0.contains(&slot.kind) == (slot.side == ClusterSide::Source);
        match (slot.kind, second) {
            (Kind::Sync, _) => "sync",
            (Kind::ZooKeeper, false) => "zookeeper",
            (Kind::ZooKeeper, true) => "zookeeper2",
            (Kind::Master, false) => "master",
            (Kind::Master, true) => "master2",
            (Kind::Agent, false) => "agent",
            (Kind::Agent, true) => "agent2",
        }
    }

    /// The component with that id; engines belong to side B.
    pub(crate) fn slot(&self, id: &str) -> Option<Slot> {
        if id == "sync" {
            return Some(Slot::on(ClusterSide::Target, Kind::Sync));
        }
        let sides = [ClusterSide::Source, ClusterSide::Target];
        let all = sides
            .into_iter()
            .flat_map(|side| Kind::ALL.map(|kind| Slot::on(side, kind)));
        all.into_iter().find(|slot| self.id(*slot) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_slots_belong_together_whoever_has_the_second() {
        for second in [&[][..], &[ComponentKind::ZooKeeper, ComponentKind::Master]] {
            let ids = Ids::of(second);
            for id in Ids::ALL {
                assert_eq!(ids.id(ids.slot(id).unwrap()), id);
            }
            assert_eq!(ids.slot("dns"), None);
        }
        let moved = Ids::of(&[ComponentKind::Master]);
        assert_eq!(moved.id(Kind::Master.into()), "master2");
        assert_eq!(moved.id(Slot::on(ClusterSide::Target, Kind::Master)), "master");
        assert_eq!(moved.id(Kind::Agent.into()), "agent");
    }
}
