//! ZkMigration: moving a live cluster to another ZooKeeper ensemble, masters and agents, in six approved, reversible
//! phases.

mod alerts;
mod orchestration;
mod phase;
mod record;
mod rules;
mod sides;
mod status;
mod sync_status;

use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use alerts::{
    AlertCause, Alerts, InFlightCheck, PostMigrationCheck, PreMigrationCheck, SecretKeyRef, Smtp,
    SmtpSecurity, Validation,
};
pub use orchestration::{Approval, OnTimeout, Orchestration, PhaseTimeouts};
pub use phase::{Direction, Phase, Stage};
pub use record::{AuditStatus, Figures, Tally, WorstLag};
pub use sides::{AgentStrategy, MigrationSource, MigrationTarget, TargetAgents};
pub use status::{
    ActiveAlert, AlertSeverity, Evidence, HistoryEntry, LeaderStatus, PhaseStatus, PreflightCheck,
    PreflightState, SideStatus, TaskCounts, Waiting, ZkMigrationStatus,
};
pub use sync_status::{LagStatus, SyncState, SyncStatus};

use crate::period::Period;
use crate::v1alpha1::mesos_cluster::AgentDrain;

/// Moves a live cluster to another ZooKeeper ensemble, masters and agents in six approved, reversible phases.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[kube(
    group = "mesolith.io",
    version = "v1alpha1",
    kind = "ZkMigration",
    plural = "zkmigrations",
    singular = "zkmigration",
    shortname = "zkm",
    category = "mesolith",
    namespaced,
    status = "ZkMigrationStatus",
    derive = "PartialEq",
    doc = "Moves a live cluster to another ZooKeeper ensemble, masters and agents in six approved, reversible phases.",
    validation = Rule::new(
        "!has(oldSelf.spec.rollback) || has(self.spec.rollback) || (has(self.status) && \
         has(self.status.direction) && (self.status.direction == 'Forward' || \
         (has(self.status.stage) && self.status.stage == 'Done')))"
    )
    .message("spec.rollback cannot be taken back until it is done: wait for status.stage Done"),
    validation = Rule::new(
        "!has(oldSelf.spec.rollback) || !has(self.spec.rollback) || \
         has(self.spec.rollback.toPhase) == has(oldSelf.spec.rollback.toPhase) && \
         (!has(self.spec.rollback.toPhase) || self.spec.rollback.toPhase == oldSelf.spec.rollback.toPhase)"
    )
    .message("spec.rollback.toPhase is immutable: wait for the end of this rollback, then ask for another"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Stage", type_ = "string", json_path = ".status.stage"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Lag P95", type_ = "string", json_path = ".status.sync.lag.p95"),
    printcolumn(name = "Diff", type_ = "integer", json_path = ".status.sync.diff"),
    printcolumn(name = "Tasks A/B", type_ = "string", json_path = ".status.tasks.summary"),
    printcolumn(
        name = "Waiting for",
        type_ = "string",
        json_path = ".status.waitingForSummary"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Direction",
        type_ = "string",
        json_path = ".status.direction",
        priority = 1
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        priority = 1
    ),
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
pub struct ZkMigrationSpec {
    /// What this migration is for; shown in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,

    /// Cluster A: what is moved away from. Immutable.
    pub source: MigrationSource,

    /// Cluster B: what is moved to. Immutable.
    pub target: MigrationTarget,

    /// How tasks get to the new side. Default: Drain. Immutable.
    #[serde(default)]
    pub agent_strategy: AgentStrategy,

    /// How agents are emptied with the strategy Drain: those of cluster A, and on the way back those of cluster B. May
    /// be changed while they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_drain: Option<AgentDrain>,

    /// How the two ensembles are kept equal.
    #[serde(default)]
    pub sync: SyncSpec,

    /// Approvals, timeouts and what is kept for going back.
    #[serde(default)]
    pub orchestration: Orchestration,

    /// Who is told about what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,

    /// Checks before, during and after. Default: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,

    /// Starts nothing new; synchronisation goes on and the status stays up to date.
    #[serde(default)]
    pub paused: bool,

    /// Goes back. Legal in every phase and stage; needs no approvals; cannot be taken back until it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
}

/// How the two ensembles are kept equal.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::sync)]
pub struct SyncSpec {
    /// Subtrees to keep equal. Default: /.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 1024), regex(pattern = r"^/([^/\s]+(/[^/\s]+)*)?$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub paths: Vec<String>,
    /// Who wins when both sides changed the same znode. Default: SourceWins.
    #[serde(default)]
    pub conflict_resolution: ConflictResolution,
    /// A lag above this (95th percentile) is alerted and closes the gate. Default: 100ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_threshold: Option<Period>,
    /// Most changes in one request to an ensemble. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub snapshot_batch_size: Option<u32>,
}

/// Who wins a conflict.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConflictResolution {
    /// Cluster A.
    #[default]
    SourceWins,
    /// The later change by its modification time.
    LastWriteWins,
    /// Nobody: both values are kept, the path is frozen and a person decides.
    Manual,
}

/// Going back.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// The phase whose result is kept: DeployZk keeps the new ensemble and removes what came after. Default: go back
    /// all the way, as if the migration had never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_phase: Option<Phase>,
    /// Why; shown in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}

impl SyncSpec {
    /// Subtrees to keep equal.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        if self.paths.is_empty() {
            vec!["/".to_owned()]
        } else {
            self.paths.clone()
        }
    }

    /// The lag that closes the gate.
    #[must_use]
    pub fn lag_threshold(&self) -> Duration {
        Period::duration_or(self.lag_threshold.as_ref(), Duration::from_millis(100))
    }
}
