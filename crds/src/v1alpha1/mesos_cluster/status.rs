//! What is known about a running cluster.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AgentCounts, ClusterForm, ComponentKind, MemberCounts, SideCounts};

/// What is known about the cluster; only the operator writes it.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = crate::schema::status)]
pub struct MesosClusterStatus {
    /// `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready is the summary; Reconciling and Stalled follow kstatus. Degraded: the operator failed several times in
    /// a row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,

    /// `host:port` of the leading master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,

    /// Version the nodes run: the oldest while they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// Where masters and clients find the ensemble: `zk://host:port,.../mesos`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper_url: Option<String>,

    /// ZooKeeper servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<MemberCounts>,

    /// Masters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masters: Option<MemberCounts>,

    /// Agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<AgentCounts>,

    /// Agents that are to leave: nothing is started on them, and their tasks move before they go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 1024),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["node"])
    )]
    pub draining_agents: Vec<DrainingAgent>,

    /// Resources of all registered agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ClusterResources>,

    /// Tasks that have not ended, of all frameworks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i64>,

    /// What will be done to the nodes, in order, before it is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub plan: Vec<PlanStep>,

    /// Nodes that need attention first, then the others, up to 128.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub nodes: Vec<NodeStatus>,

    /// The server id of each ZooKeeper node, given once and never reused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 255))]
    pub zookeeper_ids: BTreeMap<String, u32>,

    /// Nodes that may hold something of this cluster, with the addresses of their node agents: what removal and
    /// deletion have to visit. An entry goes when the node has been cleaned.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10000))]
    pub managed_nodes: BTreeMap<String, String>,

    /// What a ZkMigration makes of this cluster while it moves it; only the migration's controller writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<ClusterForm>,

    /// Generation of the form that `sides` speak about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_form: Option<i64>,

    /// Both sides, while the cluster moves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub sides: Vec<SideCounts>,

    /// The server id of each ZooKeeper node of the side that a migration adds; never one of `zookeeperIds`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 255))]
    pub target_zookeeper_ids: BTreeMap<String, u32>,

    /// Kinds whose components of this cluster have the second of their two ids on the nodes, such as `master2`: those
    /// that came by a migration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub second_components: Vec<ComponentKind>,

    /// The manifest to put into Git after a migration, while the spec is still that of before: `kubectl apply -f` takes it.
    /// Once the spec says the same, nothing restarts, and this field goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub manifest_to_apply: Option<String>,

    /// Generation of the component sets last sent to the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_generation: Option<i64>,

    /// The Marathon scheduler's registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marathon: Option<MarathonStatus>,
}

/// Resources of the cluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterResources {
    /// Processors.
    pub cpus: ResourceUse,
    /// Memory in MiB.
    pub mem: ResourceUse,
    /// Disk in MiB.
    pub disk: ResourceUse,
    /// GPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<ResourceUse>,
}

/// One resource, used and in total.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceUse {
    /// Used by tasks.
    pub used: f64,
    /// Of all registered agents.
    pub total: f64,
    /// Both, for the column: 412/15840.
    pub summary: String,
}

impl ResourceUse {
    /// Amounts with their summary; two decimals at most.
    #[must_use]
    pub fn new(used: f64, total: f64) -> Self {
        let round = |x: f64| (x * 100.0).round() / 100.0;
        let (used, total) = (round(used), round(total));
        Self {
            used,
            total,
            summary: format!("{used}/{total}"),
        }
    }
}

/// One step of a plan.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanStep {
    /// The node it happens on.
    pub node: String,
    /// The component it happens to: zookeeper, master or agent.
    pub component: String,
    /// What is done: Start, Restart, Drain or Remove.
    pub action: String,
    /// Why: the change that causes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
}

/// One node.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// `host:port` of its node agent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Whether everything asked of it works.
    #[serde(default)]
    pub ready: bool,
    /// Why not, as one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why not, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Version of its node agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its components.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub components: Vec<ComponentStatus>,
}

/// One component on a node.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// zookeeper, master or agent.
    pub id: String,
    /// Pending, Starting, Running, Unhealthy, BackOff, Stopping or Failed.
    #[serde(default)]
    pub phase: String,
    /// Why it is not running, as one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it is not running, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// How often it had to be started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<i64>,
}

/// An agent that is to leave the cluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DrainingAgent {
    /// Name of its node.
    pub node: String,
    /// Its Mesos agent id, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Since when it is to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Id of the component on its node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Whether the master was told of it: maintenance of its machine, and no offers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
    /// Whether it has left or is to stay after all, and what the master was told is being taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retracting: bool,
}

/// The operator as the framework `marathon`.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct MarathonStatus {
    /// Its framework id: the same after every restart, so that tasks are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework_id: Option<String>,
}
