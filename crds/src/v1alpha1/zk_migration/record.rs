//! What a migration leaves on record beyond its history: where its audit log ends, and figures for its report.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the audit log of a migration is, and where it ends.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditStatus {
    /// Number and hash of the last entry, as `mesos-migrate audit verify --head` takes it: 17:9f2c...
    #[schemars(length(max = 128))]
    pub head: String,
    /// The ConfigMaps that hold it, as `namespace/name` without the number that each name ends with.
    #[schemars(length(max = 512))]
    pub log: String,
    /// The newest entries, word for word as they are in the log: they are written here first, together with what they
    /// tell of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 4096)))]
    pub newest: Vec<String>,
}

/// What the leading master counts at one moment.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Figures {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// Tasks that run, on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<i64>,
    /// Agents that are registered, on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<i64>,
    /// Frameworks that are connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frameworks: Option<i64>,
    /// Used part of each resource in percent, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub utilization: BTreeMap<String, f64>,
    /// How long the leader took to answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader_answer_ms: Option<f64>,
}

/// What was counted since the migration began, over all masters that led meanwhile.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Tally {
    /// The master whose counters were read last. Each counts from its own election on.
    #[schemars(length(max = 253))]
    pub leader: String,
    /// Its counters when they were put on record, by their Mesos names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub seen: BTreeMap<String, i64>,
    /// All that was counted up to then since the migration began.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub total: BTreeMap<String, i64>,
    /// Changes of the leading master that no phase asked for.
    pub unexpected_leader_changes: i64,
    /// The lag of the sync engine in the minutes that were put on record, each percentile of the worst of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_lag: Option<WorstLag>,
}

impl Tally {
    /// The counters of a master for tasks that failed or were lost, by their Mesos names.
    pub const FAILED: [&str; 5] = [
        "tasks_failed",
        "tasks_error",
        "tasks_lost",
        "tasks_dropped",
        "tasks_gone",
    ];

    /// What was counted under a Mesos name; nothing is 0.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        let total = self.total.get(name).copied().unwrap_or(0);
        u64::try_from(total).unwrap_or(0)
    }

    /// Tasks that failed or were lost.
    #[must_use]
    pub fn failed(&self) -> u64 {
        Self::FAILED.iter().map(|name| self.counted(name)).sum()
    }
}

/// Percentiles of a minute's lags, in milliseconds.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct WorstLag {
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}
