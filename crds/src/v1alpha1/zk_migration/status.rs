//! What is known about a migration: the data model of the migration API, in Kubernetes words.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuditStatus, Direction, Figures, Phase, Stage, SyncStatus, Tally};

/// What is known about the migration; only the operator writes it.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = crate::schema::status)]
pub struct ZkMigrationStatus {
    /// `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready is the summary: True means that the spec is valid and the last preflight passed (each check is in
    /// `preflight`, with the reason where it was skipped); it does not mean that phases run. Degraded: the operator
    /// failed several times in a row. Succeeded tells the end; Paused and Stalled are conditions, not phases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,

    /// The recorded phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,

    /// Where the phase stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,

    /// Forward, or Back while rolling back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,

    /// Number of the phase, for the column: 2/6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,

    /// Since when phase, stage and direction are what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,

    /// What has to happen before it goes on; what a person must do is a command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub waiting_for: Vec<Waiting>,

    /// The first of them, for the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub waiting_for_summary: Option<String>,

    /// What an approval of this phase signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,

    /// The sync engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncStatus>,

    /// The leading master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<LeaderStatus>,

    /// Tasks on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskCounts>,

    /// What happened, newest last, the last 64 entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub history: Vec<HistoryEntry>,

    /// What a person should look at now, the worst first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub alerts: Vec<ActiveAlert>,

    /// Checks before the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub preflight: Vec<PreflightCheck>,

    /// All six phases with their times: one without `startedAt` has not begun, one without `completedAt` is under way,
    /// as `stage` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 6),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"])
    )]
    pub phases: Vec<PhaseStatus>,

    /// Cluster A as it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SideStatus>,

    /// Cluster B as it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<SideStatus>,

    /// The phase that took longer than it may, so that the migration goes back by itself (`onTimeout: RollBack`). Once
    /// `spec.rollback` is set, that says how far to go back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timed_out: Option<Phase>,

    /// Its audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditStatus>,

    /// Figures from before the first phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Figures>,

    /// What was counted since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// One thing that has to happen.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Waiting {
    /// One CamelCase word.
    pub reason: String,
    /// A sentence.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// The command, when a person must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub command: Option<String>,
}

/// Something that a person should look at, as long as it lasts.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ActiveAlert {
    /// Its cause, and which part of the clusters where there are several: QuorumLoss/A.
    #[schemars(length(max = 128))]
    pub name: String,
    /// How bad it is.
    pub severity: AlertSeverity,
    /// Since when.
    pub since: Time,
    /// A sentence: what happened, and what to do.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Whether every channel that wants it has taken it.
    #[serde(default)]
    pub told: bool,
}

/// How bad it is.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertSeverity {
    /// A person should look at it today.
    Warning,
    /// A person must look at it now.
    Critical,
}

/// What an approval signs.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Evidence {
    /// The phase it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Short hash over everything below: the approval is `<phase>@<hash>`.
    #[schemars(length(max = 64))]
    pub hash: String,
    /// One line for people.
    #[schemars(length(max = 1024))]
    pub summary: String,
    /// Since when it is this evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The facts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub facts: BTreeMap<String, String>,
}

/// The leading master.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaderStatus {
    /// `host:port` of its API.
    pub address: String,
    /// Since when it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

/// Tasks on both sides.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskCounts {
    /// On agents of A.
    pub source: i64,
    /// On agents of B.
    pub target: i64,
    /// Both, for the column: 2113/0.
    pub summary: String,
    /// Tasks that failed or were lost since the migration began, as far as leaders were seen counting them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<i64>,
    /// The leader that counts now, `host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<String>,
    /// What is to be added to the leader's own count, which began before the migration, or after another leader's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_before: Option<i64>,
}

impl TaskCounts {
    /// Counts with their summary.
    #[must_use]
    pub fn new(source: i64, target: i64) -> Self {
        Self {
            source,
            target,
            summary: format!("{source}/{target}"),
            ..Self::default()
        }
    }
}

/// Something that happened.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryEntry {
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// In which phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// In which stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// In which direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// One CamelCase word, such as Approved or RollbackStarted.
    pub reason: String,
    /// A sentence.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Who did it, when a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Hash of the evidence that was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_hash: Option<String>,
}

/// One check before the start.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PreflightCheck {
    /// Its name, such as SourceQuorum.
    #[schemars(length(max = 128))]
    pub name: String,
    /// Its result.
    pub status: PreflightState,
    /// Why it did not pass: one CamelCase word, such as NodeUnreachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,
    /// What was found, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// Result of a check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PreflightState {
    /// Not done yet.
    #[default]
    Pending,
    /// Good.
    Passed,
    /// Good enough; a person should look at it.
    Warning,
    /// Bad: the migration does not start.
    Failed,
    /// Not asked for, or not applicable.
    Skipped,
}

/// One phase.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PhaseStatus {
    /// Its number, 1 to 6.
    #[schemars(range(min = 1, max = 6))]
    pub id: u8,
    /// Its name.
    pub name: Phase,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// What its timeout counts from: its start, or the last time that it fell back from waiting for an approval. Time for
    /// which it was paused is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_since: Option<Time>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// When it was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_at: Option<Time>,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What was found at its end, such as `quorum: 3/3`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub health_checks: BTreeMap<String, String>,
    /// Figures from when it was done, or undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Figures>,
}

/// One side as it was resolved.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct SideStatus {
    /// Its ensemble: `host:port,host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<String>,
    /// Its masters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub mesos_masters: Vec<String>,
    /// Number of its agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<i32>,
}
