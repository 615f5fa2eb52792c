//! What is known about the sync engine.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The sync engine.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStatus {
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SyncState>,
    /// How far B is behind A.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<LagStatus>,
    /// Znodes on A.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub znodes_source: Option<i64>,
    /// Znodes on B.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub znodes_synced: Option<i64>,
    /// Znodes that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<i64>,
    /// Changes that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// Conflicts so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<i64>,
    /// Errors so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<i64>,
    /// Changes in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates_per_second: Option<f64>,
    /// Bytes in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<f64>,
    /// Last transaction of A that B has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zxid: Option<String>,
    /// Digest of A.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_source: Option<String>,
    /// Digest of B.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_target: Option<String>,
    /// Last change that B took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<Time>,
    /// Generation of the engine's settings that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// What the sync engine does.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// B is being filled.
    Seeding,
    /// B follows, but is behind.
    CatchingUp,
    /// B is equal but for the lag.
    InSync,
    /// It stands still as asked.
    Paused,
    /// It cannot go on.
    Failed,
}

/// A distribution of lags, with units: 1.6ms.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct LagStatus {
    /// Median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<String>,
    /// 95th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<String>,
    /// 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<String>,
}
