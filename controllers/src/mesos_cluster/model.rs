//! The words of this controller: what is wanted of all nodes, and what all of them show. Plain data.

use crate::fleet::Fleet;
use crate::nodes::{Kind, NodeView, Part, Slot};
use mesolith_crds::v1alpha1::mesos_cluster::ClusterSide;
use mesolith_proto::mesos::v1::maintenance::Schedule;
use mesolith_proto::node::v1::Component;
use std::collections::BTreeMap;

/// What is wanted: the component sets of all nodes.
pub(crate) type Desired = BTreeMap<String, BTreeMap<Slot, Component>>;

/// Everything that was observed about a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// Every node that is wanted, or that may still hold something.
    pub(crate) nodes: BTreeMap<String, NodeView>,
    /// Tasks on agents that are to be removed; absent while unknown.
    pub(crate) tasks_on: BTreeMap<String, usize>,
    /// What the leading master says of agents, while some leave; absent while it does not answer.
    pub(crate) told: Option<Told>,
}

/// What the leading master says of agents, and what operators have told it about their machines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    /// `host:port` of the master.
    pub(crate) master: String,
    /// Its agents.
    pub(crate) fleet: Fleet,
    /// Machines that are to be out of service.
    pub(crate) schedule: Schedule,
}

impl World {
    /// A component on a node that answers.
    pub(crate) fn part(&self, node: &str, slot: impl Into<Slot>) -> Option<&Part> {
        self.nodes.get(node)?.ledger()?.parts.get(&slot.into())
    }

    /// How many of `nodes` have that component and it serves.
    pub(crate) fn running<'a>(
        &self,
        slot: impl Into<Slot>,
        nodes: impl Iterator<Item = &'a String>,
    ) -> usize {
        let slot = slot.into();
        nodes
            .filter(|node| self.part(node, slot).is_some_and(Part::runs))
            .count()
    }

    /// How many of these components serve.
    pub(crate) fn serving<'a>(&self, wanted: impl Iterator<Item = (Slot, &'a String)>) -> usize {
        wanted
            .filter(|(slot, node)| self.part(node, *slot).is_some_and(Part::runs))
            .count()
    }

    /// The node whose master leads, and the master's side.
    pub(crate) fn leader(&self) -> Option<(&str, ClusterSide)> {
        self.nodes.iter().find_map(|(node, view)| {
            let mut masters = view.ledger()?.of(Kind::Master);
            let (slot, _) = masters.find(|(_, part)| part.runs() && part.leads())?;
            Some((node.as_str(), slot.side))
        })
    }
}

/// A count as statuses have it.
pub(crate) fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The smallest majority.
pub(crate) fn quorum(members: usize) -> usize {
    members / 2 + 1
}

/// Whether a component is to be stopped with its data kept: nobody waits for it, and nobody needs it.
pub(crate) fn is_parked(component: &Component) -> bool {
    component.live.is_some_and(|live| live.parked())
}

/// Components of a kind that are to serve, of whichever side, with their nodes.
pub(crate) fn wanted(desired: &Desired, kind: Kind) -> impl Iterator<Item = (Slot, &String)> + Clone {
    desired.iter().flat_map(move |(node, set)| {
        let of_kind = set
            .iter()
            .filter(move |(slot, component)| slot.kind == kind && !is_parked(component));
        of_kind.map(move |(slot, _)| (*slot, node))
    })
}

/// Nodes on which that component is to serve.
pub(crate) fn members(desired: &Desired, slot: impl Into<Slot>) -> impl Iterator<Item = &String> + Clone {
    let slot = slot.into();
    desired
        .iter()
        .filter(move |(_, set)| set.get(&slot).is_some_and(|component| !is_parked(component)))
        .map(|(node, _)| node)
}
