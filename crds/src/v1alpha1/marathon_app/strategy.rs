//! Limits, executor resources and the strategies of deployments and failures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Upper limits; a number not below the amount asked for, or `unlimited`.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLimits {
    /// Processors, as text: "2.5" or "unlimited".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^(unlimited|[0-9]+(\.[0-9]+)?)$"))]
    pub cpus: Option<String>,
    /// Memory in MiB, as text: "4096" or "unlimited".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^(unlimited|[0-9]+(\.[0-9]+)?)$"))]
    pub mem: Option<String>,
}

/// Resources of the executor itself.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorResources {
    /// Processors. Default: 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.1, max = 4096))]
    pub cpus: Option<f64>,
    /// Memory in MiB. Default: 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 32, max = 67_108_864))]
    pub mem: Option<f64>,
    /// Disk in MiB. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 67_108_864))]
    pub disk: Option<f64>,
}

/// Bounds of a deployment, as parts of `instances`.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeStrategy {
    /// At least this part stays healthy: 0.8 of 10 instances is 8.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub minimum_health_capacity: f64,
    /// At most this part may run in addition.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub maximum_over_capacity: f64,
}

impl Default for UpgradeStrategy {
    fn default() -> Self {
        Self {
            minimum_health_capacity: 1.0,
            maximum_over_capacity: 1.0,
        }
    }
}

/// Which instances are stopped first.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KillSelection {
    /// The youngest.
    #[default]
    YoungestFirst,
    /// The oldest.
    OldestFirst,
}

/// What happens to an instance whose agent cannot be reached.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::unreachable_strategy)]
pub struct UnreachableStrategy {
    /// Replace it, or wait forever (Marathon's "disabled"). Default: Replace.
    #[serde(default)]
    pub mode: UnreachableMode,
    /// After so long a replacement is started. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub inactive_after_seconds: Option<i32>,
    /// After so long it is forgotten and killed when it comes back. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub expunge_after_seconds: Option<i32>,
}

/// Whether unreachable instances are replaced.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnreachableMode {
    /// They are, in the times given.
    #[default]
    Replace,
    /// They are not.
    Disabled,
}

/// Behaviour of instances with persistent volumes.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Residency {
    /// How long the agent may be away before the instance is started elsewhere. Default: 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub relaunch_escalation_timeout_seconds: Option<i64>,
    /// Whether to wait for the agent. Default: WAIT_FOREVER.
    #[serde(default)]
    pub task_lost_behavior: TaskLostBehavior,
}

/// Whether to wait for a lost agent.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskLostBehavior {
    /// Forever.
    #[default]
    WaitForever,
    /// For `relaunchEscalationTimeoutSeconds`.
    RelaunchAfterTimeout,
}
