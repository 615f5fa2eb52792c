//! MesosCluster: ZooKeeper servers, masters and agents on named bare-metal nodes.

mod adopt;
mod counts;
mod defaults;
mod form;
mod node_sets;
mod nodes;
mod policy;
mod rules;
mod status;

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use counts::{AgentCounts, DataCopy, MemberCounts, SideCounts};
pub use form::{ClusterForm, ClusterSide, ComponentKind, FormRoot, FormSync, Parts, TargetCluster, Writes};
pub use nodes::{Node, NodeTable, SpecError};
pub use policy::{AgentDrain, AgentRemoval, DrainTimeout, Mtls, RemovalMode, RemovedData, SecuritySpec};
pub use status::{
    ClusterResources, ComponentStatus, DrainingAgent, MarathonStatus, MesosClusterStatus, NodeStatus,
    PlanStep, ResourceUse,
};

/// A Mesos cluster on bare-metal nodes: ZooKeeper servers, masters and agents, kept running by the node agents.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[kube(
    group = "mesolith.io",
    version = "v1alpha1",
    kind = "MesosCluster",
    plural = "mesosclusters",
    singular = "mesoscluster",
    shortname = "mc",
    category = "mesolith",
    namespaced,
    status = "MesosClusterStatus",
    derive = "PartialEq",
    validation = rules::ensemble(),
    validation = rules::election_path(),
    doc = "A Mesos cluster on bare-metal nodes: ZooKeeper servers, masters and agents, kept running by the node agents.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Leader", type_ = "string", json_path = ".status.leader"),
    printcolumn(name = "Masters", type_ = "string", json_path = ".status.masters.summary"),
    printcolumn(name = "Agents", type_ = "string", json_path = ".status.agents.summary"),
    printcolumn(name = "CPUs", type_ = "string", json_path = ".status.resources.cpus.summary"),
    printcolumn(name = "Tasks", type_ = "integer", json_path = ".status.tasks"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::spec)]
pub struct MesosClusterSpec {
    /// Name that Mesos clients see in /state. Default: the object's name. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub cluster_name: Option<String>,

    /// Every bare-metal node this object may touch. Ranges stand for many: `worker[001-990]`.
    #[schemars(
        length(min = 1, max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub nodes: Vec<NodeSet>,

    /// The ensemble that elects the master: servers on our nodes, or one that already exists.
    pub zookeeper: ZooKeeperSpec,

    /// The masters; an odd number, usually 3 or 5.
    pub masters: MastersSpec,

    /// Groups of agents, each with its own settings. A node belongs to one group at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub agents: Vec<AgentGroup>,

    /// Mutual TLS between operator, nodes and masters. Empty means: everywhere, with a certificate authority of the
    /// cluster's own. Every relaxation is spelled out.
    #[serde(default)]
    pub security: SecuritySpec,

    /// What happens to the tasks of an agent that is taken out of the cluster.
    #[serde(default)]
    pub agent_removal: AgentRemoval,

    /// What happens to the data on the nodes when a component or this object is removed.
    #[serde(default)]
    pub removed_data: RemovedData,

    /// Stops every change to the nodes. What runs goes on running, and the status stays up to date. A paused object
    /// can be deleted.
    #[serde(default)]
    pub paused: bool,
}

/// One node, or a range of nodes named and addressed alike.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeSet {
    /// Name, or a range of names such as `cp[1-3]`; other fields refer to nodes by these names.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9.\-]|\[[0-9,\-]+\])*$")
    )]
    pub name: String,

    /// Host and port of the node agent, `host:7070`, or a range of the same size as the name's:
    /// `192.0.2.1[1-3]:7070`.
    #[schemars(
        length(min = 3, max = 253),
        regex(pattern = r"^[A-Za-z0-9.\-:\[\],]+:[0-9]{1,5}$")
    )]
    pub address: String,

    /// Attributes of the agents on these nodes, for placement constraints: `rack`, `zone`, `ssd` and so on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<String, String>,
}

/// ZooKeeper: exactly one of `nodes` and `external`.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::zookeeper)]
pub struct ZooKeeperSpec {
    /// Nodes that run a ZooKeeper server: names or ranges from `spec.nodes`. An odd number keeps the quorum cheap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^[a-z0-9]([a-z0-9.,\- ]|\[[0-9,\-]+\])*$")
    )]
    pub nodes: Option<String>,

    /// An ensemble that exists already and is not touched: `zk://zk1:2181,zk2:2181,zk3:2181/mesos`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 1024), regex(pattern = r"^zk://[^/\s]+(/[^\s]*)?$"))]
    pub external: Option<String>,

    /// Path below which the masters elect their leader. Default: /mesos. Not used with `external`, whose URL has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 256), regex(pattern = r"^(/[A-Za-z0-9_.\-]+)+$"))]
    pub path: Option<String>,

    /// Port for clients. Default: 2181.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub client_port: Option<u16>,

    /// Port on which followers connect to the leader. Default: 2888.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub quorum_port: Option<u16>,

    /// Port for elections among the servers. Default: 3888.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub election_port: Option<u16>,

    /// Java heap of each server, such as 512Mi. Default: 512Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")
    )]
    pub heap: Option<String>,

    /// Further keys of zoo.cfg, such as `autopurge.snapRetainCount`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub config: BTreeMap<String, String>,

    /// Limits of each server's control group. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ComponentLimits>,
}

/// The masters of the cluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::masters)]
pub struct MastersSpec {
    /// Nodes that run a master: names or ranges from `spec.nodes`. An odd number; the quorum is the majority.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^[a-z0-9]([a-z0-9.,\- ]|\[[0-9,\-]+\])*$")
    )]
    pub nodes: String,

    /// Port of the Mesos API. Default: 5050.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,

    /// Further flags by their Mesos names, without dashes in front: `offer_timeout: 5secs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub flags: BTreeMap<String, String>,

    /// Limits of each master's control group. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ComponentLimits>,
}

/// Agents with the same settings.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::agent_group)]
pub struct AgentGroup {
    /// Name of the group, unique within the cluster.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub name: String,

    /// Nodes that run an agent of this group: names or ranges from `spec.nodes`.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^[a-z0-9]([a-z0-9.,\- ]|\[[0-9,\-]+\])*$")
    )]
    pub nodes: String,

    /// Port of the agent's API. Default: 5051.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,

    /// How tasks run: `docker` through the Docker engine, `mesos` natively. Default: both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub containerizers: Vec<Containerizer>,

    /// Resources in Mesos syntax, `cpus:8;mem:16384;ports:[31000-32000]`; what is not named is detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub resources: Option<String>,

    /// Attributes in addition to those of the node; these win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<String, String>,

    /// Further flags by their Mesos names, without dashes in front.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub flags: BTreeMap<String, String>,

    /// Limits of each agent's own control group, not of its tasks. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ComponentLimits>,
}

/// A way to run tasks.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Containerizer {
    /// Through the Docker engine of the node.
    Docker,
    /// Natively, in control groups of the agent's own.
    Mesos,
}

impl Containerizer {
    /// The word the agent's flag takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Mesos => "mesos",
        }
    }
}

/// Limits of a component's control group.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ComponentLimits {
    /// Processors, such as 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 4096))]
    pub cpus: Option<f64>,

    /// Memory, such as 1Gi. The process is killed and started again when it takes more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")
    )]
    pub memory: Option<String>,
}
