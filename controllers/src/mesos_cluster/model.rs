//! The words of this controller: what is wanted of all nodes, and what all of them show. Plain data.

use crate::nodes::{Kind, NodeView, Part};
use mesolith_proto::node::v1::Component;
use std::collections::BTreeMap;

/// What is wanted: the component sets of all nodes.
pub(crate) type Desired = BTreeMap<String, BTreeMap<Kind, Component>>;

/// Everything that was observed about a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// Every node that is wanted, or that may still hold something.
    pub(crate) nodes: BTreeMap<String, NodeView>,
    /// Tasks on agents that are to be removed; absent while unknown.
    pub(crate) tasks_on: BTreeMap<String, usize>,
}

impl World {
    /// The component of a kind on a node that answers.
    pub(crate) fn part(&self, node: &str, kind: Kind) -> Option<&Part> {
        self.nodes.get(node)?.ledger()?.parts.get(&kind)
    }

    /// How many of `nodes` have a component of that kind that serves.
    pub(crate) fn running<'a>(&self, kind: Kind, nodes: impl Iterator<Item = &'a String>) -> usize {
        nodes
            .filter(|node| self.part(node, kind).is_some_and(Part::runs))
            .count()
    }

    /// The node whose master leads.
    pub(crate) fn leader(&self) -> Option<&str> {
        let leads = |node: &&String| {
            self.part(node, Kind::Master)
                .is_some_and(|part| part.runs() && part.leads())
        };
        self.nodes.keys().find(leads).map(String::as_str)
    }
}

/// The smallest majority.
pub(crate) fn quorum(members: usize) -> usize {
    members / 2 + 1
}

/// Nodes on which a component of that kind is wanted.
pub(crate) fn members(desired: &Desired, kind: Kind) -> impl Iterator<Item = &String> + Clone {
    desired
        .iter()
        .filter(move |(_, set)| set.contains_key(&kind))
        .map(|(node, _)| node)
}
