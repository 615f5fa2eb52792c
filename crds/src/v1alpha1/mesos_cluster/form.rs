//! What a migration makes of a cluster while it moves it: the cluster is its spec, overlaid by this form.
//!
//! A ZkMigration writes the form into the cluster's status and the cluster's controller does it, so that there is one
//! that starts, rolls, drains and removes components. Git, Helm, Flux and Argo CD own the spec and see no drift.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::node_sets::beyond;
use super::{AgentDrain, AgentGroup, MastersSpec, NodeSet, ZooKeeperSpec};
use crate::period::Period;
use crate::v1alpha1::zk_migration::{ConflictResolution, Direction, Phase};

/// One of the two sides of a cluster that moves.
#[derive(
    JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub enum ClusterSide {
    /// Cluster A: what the spec says.
    #[default]
    Source,
    /// Cluster B: what the form adds.
    Target,
}

impl ClusterSide {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

/// What a cluster that moves is to be at this moment, beyond its spec.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterForm {
    /// `namespace/name` of the ZkMigration that writes it.
    pub migration: String,
    /// Its uid: a migration of the same name made later is another one.
    pub uid: String,
    /// Rises with each change.
    pub generation: i64,
    /// The phase of the migration that wrote it: a migration whose own status was lost goes on from here.
    pub phase: Phase,
    /// Whether that phase was made or undone.
    pub direction: Direction,
    /// Cluster B in the words of this resource.
    pub target: TargetCluster,
    /// What exists of cluster A.
    pub source_parts: Parts,
    /// What exists of cluster B.
    pub target_parts: Parts,
    /// The ZooKeeper servers of cluster A are stopped, and their data is kept where it is.
    pub source_parked: bool,
    /// Subtrees that are kept equal besides that of the masters' election. Those of `spec.sync.paths`; for `/` those that
    /// were found when the migration began, and those that came since.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(max = 1024)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub paths: Vec<String>,
    /// Nodes whose agents of cluster A are to leave: nothing is started there, and tasks move before an agent goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10000), extend("x-kubernetes-list-type" = "set"))]
    pub retired_agents: Vec<String>,
    /// How agents that leave are emptied. Without it spec.agentRemoval holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_drain: Option<AgentDrain>,
    /// The side whose masters may lead. The masters of the other side are contenders that never act as leader.
    pub leads: ClusterSide,
    /// The side whose ensemble the agents of cluster A look for the leader in. Target: they are repointed.
    pub agents_follow: ClusterSide,
    /// The sync engine between the two ensembles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<FormSync>,
}

/// Which kinds of components of a side exist.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Parts {
    /// ZooKeeper servers.
    pub zookeeper: bool,
    /// Masters.
    pub masters: bool,
    /// Agents.
    pub agents: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self {
        zookeeper: true,
        masters: true,
        agents: true,
    };
}

/// Cluster B in the words of a MesosCluster's spec.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetCluster {
    /// Nodes beyond those of the spec.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub nodes: Vec<NodeSet>,
    /// The new ensemble.
    pub zookeeper: ZooKeeperSpec,
    /// The new masters.
    pub masters: MastersSpec,
    /// The new agents; none while the agents of cluster A are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub agents: Vec<AgentGroup>,
}

impl TargetCluster {
    /// All nodes, those of the cluster's spec first. It has those of cluster B too once it was changed at the end.
    #[must_use]
    pub fn with_nodes_of(&self, spec: &[NodeSet]) -> Vec<NodeSet> {
        let mut all = spec.to_vec();
        all.extend(beyond(spec, &self.nodes));
        all
    }
}

/// The sync engine as components on nodes: one is active, the others stand by.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct FormSync {
    /// Rises with each change of what follows: the generation of the engine's settings.
    pub generation: i64,
    /// Nodes that run an engine.
    #[schemars(length(max = 8))]
    pub nodes: Vec<String>,
    /// Subtrees and the side that writes each.
    #[schemars(length(max = 1025))]
    pub roots: Vec<FormRoot>,
    /// Who wins when both sides changed the same znode.
    pub conflict_resolution: ConflictResolution,
    /// Most changes in one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
    /// A lag above this raises the engine's own alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_threshold: Option<Period>,
}

/// A subtree and the side that writes it.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct FormRoot {
    /// The subtree, such as /mesos.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// Who writes it.
    pub writes: Writes,
}

/// The side that writes a subtree.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Writes {
    /// Cluster A; B follows.
    #[default]
    Source,
    /// Cluster B; A follows.
    Target,
    /// Both: safe only for what both sides add to and nobody overwrites, such as an election group.
    Both,
}

/// A kind of component.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// A ZooKeeper server.
    ZooKeeper,
    /// A master.
    Master,
    /// A Mesos agent.
    Agent,
}
