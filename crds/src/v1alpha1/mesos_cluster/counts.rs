//! How many members of each kind work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ClusterSide;

/// How many members of a kind work.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct MemberCounts {
    /// Members that work.
    pub ready: i32,
    /// Members asked for.
    pub desired: i32,
    /// Both, for the column: 2/3.
    pub summary: String,
}

/// How many agents work.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentCounts {
    /// Agents registered with the leader.
    pub ready: i32,
    /// Agents asked for.
    pub desired: i32,
    /// Agents being drained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draining: Option<i32>,
    /// Ready and desired, for the column: 990/990.
    pub summary: String,
}

impl MemberCounts {
    /// Counts with their summary.
    #[must_use]
    pub fn new(ready: i32, desired: i32) -> Self {
        Self {
            ready,
            desired,
            summary: format!("{ready}/{desired}"),
        }
    }
}

impl AgentCounts {
    /// Counts with their summary.
    #[must_use]
    pub fn new(ready: i32, desired: i32, draining: i32) -> Self {
        Self {
            ready,
            desired,
            draining: (draining > 0).then_some(draining),
            summary: format!("{ready}/{desired}"),
        }
    }
}

/// A copy of the data of a ZooKeeper server that is parked.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DataCopy {
    /// Name of the node.
    #[schemars(length(max = 253))]
    pub node: String,
    /// Path of the file on the node; the file beside it that ends in `.sha256` has its checksum.
    #[schemars(length(max = 1024))]
    pub path: String,
    /// SHA-256 of the file, in hexadecimal digits.
    #[schemars(length(max = 64))]
    pub sha256: String,
}

/// What is seen of one side of a cluster that moves.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct SideCounts {
    /// Which side.
    pub side: ClusterSide,
    /// ZooKeeper servers that serve, of those asked for.
    pub zookeeper: MemberCounts,
    /// Masters that serve, of those asked for.
    pub masters: MemberCounts,
    /// Masters that say themselves that they may not lead.
    pub pinned: i32,
    /// Components of masters that nodes still show, asked for or not; a node that does not answer counts.
    pub masters_left: i32,
    /// Agents that are registered, of those asked for.
    pub agents: MemberCounts,
    /// Components of agents that nodes still show, asked for or not; a node that does not answer counts.
    pub agents_left: i32,
    /// Components of ZooKeeper servers that nodes still show, asked for or not; a node that does not answer counts.
    pub zookeeper_left: i32,
    /// ZooKeeper servers that are stopped with their data kept; they are among those left, and not asked for.
    pub parked: i32,
    /// Copies of the data of parked servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 255),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["node"])
    )]
    pub copies: Vec<DataCopy>,
    /// Sync engines that work or stand by, of those asked for; they belong to the target.
    pub engines: MemberCounts,
    /// Components of sync engines that nodes still show, asked for or not; a node that does not answer counts.
    pub engines_left: i32,
    /// `zk://host:port,.../path` of its ensemble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper_url: Option<String>,
}
