//! The two sides of a migration.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::v1alpha1::{
    marathon_app::ClusterRef,
    mesos_cluster::{Containerizer, MastersSpec, NodeSet, ZooKeeperSpec},
};

/// Cluster A: a MesosCluster of ours (`clusterRef`), or the addresses of a cluster we do not manage.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::source)]
pub struct MigrationSource {
    /// The MesosCluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<ClusterRef>,
    /// Its ensemble: `host:2181,host:2181,host:2181`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 3, max = 1024),
        regex(pattern = r"^[A-Za-z0-9.\-:\[\]]+:[0-9]{1,5}(,[A-Za-z0-9.\-:\[\]]+:[0-9]{1,5})*$")
    )]
    pub zookeeper: Option<String>,
    /// Its masters: `host:5050` each; ranges stand for many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 3, max = 253)))]
    pub mesos_masters: Vec<String>,
    /// Its agents: `host:5051` each; ranges stand for many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2048), inner(length(min = 3, max = 253)))]
    pub mesos_agents: Vec<String>,
}

/// Cluster B.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MigrationTarget {
    /// Bare-metal nodes of the new side. Default: those of the source's MesosCluster.
    ///
    /// Their node agents are asked over mutual TLS. The CA is that of the source's MesosCluster; without
    /// `source.clusterRef` it is read from the Secret `<name of the migration>-ca`, with `tls.crt` and `tls.key`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub nodes: Vec<NodeSet>,
    /// The new ensemble: servers on our nodes, or one that exists already.
    pub zookeeper: ZooKeeperSpec,
    /// The new masters.
    pub masters: MastersSpec,
    /// The new agents. Required with the strategy Drain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<TargetAgents>,
}

/// The new agents; what is not given is taken over from cluster A.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::target_agents)]
pub struct TargetAgents {
    /// Nodes: names or ranges.
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = r"^[a-z0-9]([a-z0-9.,\- ]|\[[0-9,\-]+\])*$")
    )]
    pub nodes: String,
    /// Port of the agent's API. Default: 5051.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// How tasks run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub containerizers: Vec<Containerizer>,
    /// Resources in Mesos syntax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub resources: Option<String>,
    /// Attributes in addition to those of the node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: BTreeMap<String, String>,
    /// Further flags by their Mesos names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub flags: BTreeMap<String, String>,
}

impl TargetAgents {
    /// Port of the agent's API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5051)
    }
}

/// How tasks get to the new side.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AgentStrategy {
    /// Replacements become healthy on B before instances on A are stopped.
    #[default]
    Drain,
    /// The same agents change to the new masters; no task is touched.
    Repoint,
}
