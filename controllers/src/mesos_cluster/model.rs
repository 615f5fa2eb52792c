//! The words of this controller: what is wanted of a node, and what it shows. Plain data.

use mesolith_proto::node::v1::{Component, Phase};
use std::collections::BTreeMap;

/// Kinds of components, in the order in which a cluster comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A ZooKeeper server.
    ZooKeeper,
    /// A master.
    Master,
    /// A Mesos agent.
    Agent,
}

impl Kind {
    /// All, in the order in which a cluster comes up.
    pub(crate) const ALL: [Kind; 3] = [Kind::ZooKeeper, Kind::Master, Kind::Agent];

    /// The component's id on a node.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Kind::ZooKeeper => "zookeeper",
            Kind::Master => "master",
            Kind::Agent => "agent",
        }
    }

    /// For sentences.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Kind::ZooKeeper => "ZooKeeper servers",
            Kind::Master => "masters",
            Kind::Agent => "agents",
        }
    }

    /// The kind with that id.
    pub(crate) fn of(id: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.id() == id)
    }
}

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

/// What is known about a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum NodeView {
    /// No contact yet: the first answer is on its way.
    #[default]
    Unknown,
    /// No contact.
    Unreachable(Problem),
    /// It answers.
    Seen(Ledger),
}

impl NodeView {
    /// The ledger, if the node answers.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        match self {
            NodeView::Seen(ledger) => Some(ledger),
            NodeView::Unknown | NodeView::Unreachable(_) => None,
        }
    }
}

/// A typed reason with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// CamelCase.
    pub(crate) reason: String,
    /// What, where, what to do.
    pub(crate) message: String,
}

/// One cluster's components on one node, as the node shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Whether the node knows the cluster at all.
    pub(crate) present: bool,
    /// Generation in the node's ledger.
    pub(crate) generation: u64,
    /// Whether the node has converged to its ledger.
    pub(crate) settled: bool,
    /// Whether more was sent than the node has shown so far.
    pub(crate) stale: bool,
    /// Whether everything is being stopped.
    pub(crate) removing: bool,
    /// The components, by kind.
    pub(crate) parts: BTreeMap<Kind, Part>,
    /// Version of the node agent.
    pub(crate) version: String,
}

/// One component, as its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it is in its life.
    pub(crate) phase: Phase,
    /// Digest of what the node was told; empty once the component has to go.
    pub(crate) digest: String,
    /// Why it does not run, CamelCase or empty.
    pub(crate) reason: String,
    /// What happened and what to do.
    pub(crate) message: String,
    /// How often it had to be started again.
    pub(crate) restarts: u32,
    /// ZooKeeper: `mode`; master: `leading`, `leader`; agent: `registered`, `agentId`. Only facts that are steady.
    pub(crate) facts: BTreeMap<String, String>,
    /// Tasks that have not ended, on an agent that leaves for good.
    pub(crate) tasks_left: u32,
}

impl Ledger {
    /// The agent, once the node was told that it has to go.
    pub(crate) fn leaving_agent(&self) -> Option<&Part> {
        // A part without a digest is not in the node's ledger any more.
        self.parts.get(&Kind::Agent).filter(|part| part.digest.is_empty())
    }
}

impl Part {
    /// Whether it serves. An agent that says that no master knows it does not.
    pub(crate) fn runs(&self) -> bool {
        self.phase == Phase::Running && self.registered()
    }

    /// False for an agent that says that no master knows it.
    pub(crate) fn registered(&self) -> bool {
        self.facts.get("registered").is_none_or(|value| value != "false")
    }

    /// Whether it leads, so that it must be restarted last.
    pub(crate) fn leads(&self) -> bool {
        self.facts.get("leading").is_some_and(|v| v == "true")
            || self.facts.get("mode").is_some_and(|v| v == "leader")
    }
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
