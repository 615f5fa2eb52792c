//! ZkMigration: moving a live cluster to another ZooKeeper ensemble, masters and agents, in six approved, reversible
//! phases.

mod phase;
mod rules;
mod status;

use std::{collections::BTreeMap, time::Duration};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use phase::{Direction, Phase, Stage};
pub use status::{
    Evidence, HistoryEntry, LagStatus, PhaseState, PhaseStatus, PreflightCheck, PreflightState, SideStatus,
    SyncState, SyncStatus, TaskCounts, Waiting, ZkMigrationStatus,
};

use super::{
    marathon_app::ClusterRef,
    mesos_cluster::{Containerizer, MastersSpec, NodeSet, ZooKeeperSpec},
};
use crate::period::Period;

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

/// Cluster A: a MesosCluster of ours (`clusterRef`), or the addresses of a cluster we do not manage.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rules::source)]
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
#[schemars(transform = rules::target_agents)]
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

/// How tasks get to the new side.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AgentStrategy {
    /// Replacements become healthy on B before instances on A are stopped.
    #[default]
    Drain,
    /// The same agents change to the new masters; no task is touched.
    Repoint,
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
    /// Znodes in one request while seeding. Default: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub snapshot_batch_size: Option<u32>,
    /// Attempts for one change before it counts as an error. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub max_retries: Option<u32>,
    /// Time between attempts. Default: 1s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_backoff: Option<Period>,
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

/// Approvals, timeouts and what is kept for going back.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Orchestration {
    /// Whether a person opens the gate after each phase. Default: Manual.
    #[serde(default)]
    pub approval: Approval,
    /// An approval waited for longer than this is alerted. Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_timeout: Option<Period>,
    /// Time between two health checks. Default: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_interval: Option<Period>,
    /// How long each phase may take until it counts as stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_timeouts: Option<PhaseTimeouts>,
    /// What a timeout does. Default: Alert.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// How long cluster A's data is kept after the last phase. Default: 72h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_retention: Option<Period>,
}

/// Whether a person opens the gate.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approval {
    /// Yes: the annotation mesolith.io/approve with the phase and the hash of its evidence.
    #[default]
    Manual,
    /// No, except before something that cannot be undone.
    Automatic,
}

/// What a timeout does.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// The migration is reported as stalled and people are told.
    #[default]
    Alert,
    /// It also goes back.
    RollBack,
}

/// How long each phase may take.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTimeouts {
    /// Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_zk: Option<Period>,
    /// Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_masters: Option<Period>,
    /// Default: 15m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_masters: Option<Period>,
    /// Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_agents: Option<Period>,
    /// Default: 12h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_agents: Option<Period>,
    /// Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_zk: Option<Period>,
}

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

impl Orchestration {
    /// How long a phase may take until it counts as stalled.
    #[must_use]
    pub fn phase_timeout(&self, phase: Phase) -> Duration {
        let timeouts = self.phase_timeouts.as_ref();
        let (written, minutes) = match phase {
            Phase::DeployZk => (timeouts.and_then(|t| t.deploy_zk.as_ref()), 60),
            Phase::DeployMasters => (timeouts.and_then(|t| t.deploy_masters.as_ref()), 30),
            Phase::RetireMasters => (timeouts.and_then(|t| t.retire_masters.as_ref()), 15),
            Phase::DeployAgents => (timeouts.and_then(|t| t.deploy_agents.as_ref()), 60),
            Phase::DrainAgents => (timeouts.and_then(|t| t.drain_agents.as_ref()), 720),
            Phase::RemoveZk => (timeouts.and_then(|t| t.remove_zk.as_ref()), 30),
        };
        Period::duration_or(written, Duration::from_secs(minutes * 60))
    }

    /// How long cluster A's data is kept.
    #[must_use]
    pub fn rollback_retention(&self) -> Duration {
        Period::duration_or(self.rollback_retention.as_ref(), Duration::from_secs(72 * 3600))
    }
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
