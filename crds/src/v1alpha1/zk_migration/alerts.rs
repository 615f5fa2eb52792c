//! Who is told about what, and which checks are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is told about what.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// Secret with the URL of a Slack webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack_webhook: Option<SecretKeyRef>,
    /// Secret with a PagerDuty integration key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagerduty_integration_key: Option<SecretKeyRef>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 3, max = 254), regex(pattern = r"^[^@\s]+@[^@\s]+$"))
    )]
    pub email: Vec<String>,
    /// About what. Default: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub alert_on: Vec<AlertCause>,
}

/// A key of a Secret in the namespace of this object.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What people are told about.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertCause {
    /// The lag is above its threshold.
    SyncLagHigh,
    /// A task failed.
    TaskFailure,
    /// A phase takes too long.
    PhaseTimeout,
    /// An ensemble or the masters lost their quorum.
    QuorumLoss,
    /// Both sides changed the same znode.
    ConflictDetected,
}

/// Checks before, during and after.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// Before anything is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub pre_migration: Vec<PreMigrationCheck>,
    /// All the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub in_flight: Vec<InFlightCheck>,
    /// At the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub post_migration: Vec<PostMigrationCheck>,
}

/// A check before anything is done.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreMigrationCheck {
    /// Ensemble and masters of A work.
    ClusterHealth,
    /// Both sides reach each other, in less than 10 ms.
    NetworkConnectivity,
    /// B has room for A's tasks.
    ResourceCapacity,
    /// A backup of A's data exists.
    BackupExists,
}

/// A check made all the time.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlightCheck {
    /// No task is lost.
    TaskCountStable,
    /// The lag is below its threshold.
    SyncLagAcceptable,
    /// Every task has a framework and an agent.
    NoOrphanedTasks,
}

/// A check at the end.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostMigrationCheck {
    /// Nothing runs on A.
    AllTasksMigrated,
    /// Launch times are within 10 % of what they were.
    PerformanceBaselineMet,
    /// Names resolve to running instances.
    ServiceDiscoveryWorking,
}
