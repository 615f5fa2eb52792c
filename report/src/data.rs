//! Everything that a report says. What is not known is absent, never zero.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the JSON form: fields may be added to it, none changes its meaning.
pub(crate) const VERSION: &str = "mesolith.io/report/v1";

/// The report of one migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this form.
    #[serde(default = "version")]
    pub version: String,
    /// `namespace/name` of the ZkMigration.
    pub migration: String,
    /// Its UID.
    pub uid: String,
    /// What it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it ended, so far.
    pub outcome: Outcome,
    /// When this report was made.
    pub made_at: Timestamp,
    /// When the first phase began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Cluster A.
    pub source: Side,
    /// Cluster B.
    pub target: Side,
    /// The phases that were entered, in the order of time.
    #[serde(default)]
    pub phases: Vec<Phase>,
    /// How far B was behind A, over all of the migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
    /// What the sync engine did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// What happened to tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Tasks>,
    /// Used part of each resource before and after, in percent.
    #[serde(default)]
    pub utilization: Vec<Measure>,
    /// Performance before and after.
    #[serde(default)]
    pub metrics: Vec<Measure>,
    /// Checks before, during and after, each with its last result.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What went wrong, in the order of time.
    #[serde(default)]
    pub issues: Vec<Issue>,
    /// Where the audit log ended, as `number:hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<String>,
}

/// How a migration ended, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It has not ended.
    InProgress,
    /// It stands still because a person asked for it.
    Paused,
    /// The last phase is done.
    Completed,
    /// It went back.
    RolledBack,
}

/// One side.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Its ensemble: `host:port,host:port`.
    pub zookeeper: String,
    /// Number of its masters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masters: Option<u64>,
    /// Number of its agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<u64>,
}

/// One time in one phase. A phase that was taken back and entered again is there more than once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// 1 to 6.
    pub number: u8,
    /// Such as DeployZk.
    pub name: String,
    /// Forward or back.
    pub direction: Direction,
    /// Where it stands.
    pub state: PhaseState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Who let the next phase begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What was found at its end, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// Which way a phase was gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// To B.
    Forward,
    /// To A.
    Back,
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PhaseState {
    /// It is under way.
    InProgress,
    /// A person must approve it.
    AwaitingApproval,
    /// It is done; when it was gone back, undone.
    Done,
    /// It was left for the way back before it was done.
    Abandoned,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Hash of the evidence that was approved.
    pub evidence_hash: String,
}

/// A distribution of lags, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// What the sync engine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// Znodes in scope.
    pub znodes: u64,
    /// Changes written to the other side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
    /// Nodes that both sides changed.
    pub conflicts: u64,
    /// Changes that a side refused.
    pub errors: u64,
}

/// What happened to tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tasks {
    /// That ran before.
    pub before: u64,
    /// That run now, or ran at the end.
    pub after: u64,
    /// That run on B in place of one on A, or whose agent went to B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
    /// That were started anew for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted: Option<u64>,
    /// That failed or were lost.
    pub failed: u64,
}

/// A figure before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    /// What was measured.
    pub name: String,
    /// Its unit; empty for plain numbers.
    #[serde(default)]
    pub unit: String,
    /// Before the first phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// After the last one, or now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Its name, such as ClusterHealth.
    pub name: String,
    /// Its result.
    pub result: CheckResult,
    /// The figure that it found, or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<String>,
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckResult {
    /// Good.
    Passed,
    /// Good enough; a person should look at it.
    Warning,
    /// Bad.
    Failed,
    /// Not made.
    Skipped,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// When.
    pub at: Timestamp,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

fn version() -> String {
    VERSION.to_owned()
}

impl Report {
    /// The report as JSON, with line ends for people.
    #[must_use]
    pub fn json(&self) -> String {
        // Texts, numbers and times: nothing that JSON cannot hold. A number that is not finite becomes null.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
