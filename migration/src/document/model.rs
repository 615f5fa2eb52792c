//! The document itself, field for field. A field that it does not know is refused by name.

use mesolith_secret::Secret;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// `migration.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentFile {
    /// The migration.
    pub migration: Document,
}

/// A migration as people write it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "MigrationDocument")]
pub struct Document {
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Cluster A.
    #[serde(default)]
    pub source: SourceSection,
    /// Cluster B.
    #[serde(default)]
    pub target: TargetSection,
    /// drain or repoint. Default: drain where `target.mesos_agents` is given, else repoint.
    #[serde(default)]
    pub agent_strategy: Option<String>,
    /// How both ensembles are kept equal.
    #[serde(default)]
    pub sync: SyncSection,
    /// Approvals and timeouts.
    #[serde(default)]
    pub orchestration: OrchestrationSection,
    /// The short form of `sync` and `orchestration`.
    #[serde(default)]
    pub config: ConfigSection,
    /// Who is told about what.
    #[serde(default)]
    pub alerts: AlertSection,
    /// Which checks are made.
    #[serde(default)]
    pub validation: ValidationSection,
}

/// Cluster A: addresses, or a MesosCluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// Name of a MesosCluster; the addresses are then not needed.
    #[serde(default)]
    pub cluster: Option<String>,
    /// `host:port,host:port`.
    #[serde(default)]
    pub zookeeper: Option<String>,
    /// `host:port` each; ranges stand for many.
    #[serde(default)]
    pub mesos_masters: Vec<String>,
    /// `host:port` each; ranges stand for many.
    #[serde(default)]
    pub mesos_agents: Vec<String>,
}

/// Cluster B.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// `host:port,host:port`.
    #[serde(default)]
    pub zookeeper: Option<String>,
    /// The ensemble exists already: it is used and not started.
    #[serde(default)]
    pub zookeeper_exists: bool,
    /// `host:port` each; ranges stand for many.
    #[serde(default)]
    pub mesos_masters: Vec<String>,
    /// `host:port` each; ranges stand for many.
    #[serde(default)]
    pub mesos_agents: Vec<String>,
    /// Port of the node agent on every host. Default: 7070.
    #[serde(default)]
    pub node_agent_port: Option<u16>,
}

/// How both ensembles are kept equal.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncSection {
    /// A lag above this is alerted and closes the gate.
    #[serde(default)]
    pub lag_threshold_ms: Option<u64>,
    /// source-wins, last-write-wins or manual.
    #[serde(default)]
    pub conflict_resolution: Option<String>,
    /// Subtrees.
    #[serde(default)]
    pub paths_to_sync: Vec<String>,
    /// Most changes in one request.
    #[serde(default)]
    pub snapshot_batch_size: Option<u32>,
    /// Without effect.
    #[serde(default)]
    pub max_retries: Option<u64>,
    /// Without effect.
    #[serde(default)]
    pub retry_backoff_ms: Option<u64>,
}

/// Approvals and timeouts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrchestrationSection {
    /// Whether a person opens the gate after each phase.
    #[serde(default)]
    pub require_manual_approval: Option<bool>,
    /// An approval waited for longer than this is alerted.
    #[serde(default)]
    pub approval_timeout_minutes: Option<u64>,
    /// Time between two health checks.
    #[serde(default)]
    pub health_check_interval_sec: Option<u64>,
    /// How long each phase may take.
    #[serde(default)]
    pub phase_timeout_minutes: PhaseMinutes,
    /// How long cluster A's data is kept.
    #[serde(default)]
    pub rollback_retention_hours: Option<u64>,
}

/// Minutes of each phase.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseMinutes {
    /// DeployZk.
    #[serde(default)]
    pub phase_1: Option<u64>,
    /// DeployMasters.
    #[serde(default)]
    pub phase_2: Option<u64>,
    /// RetireMasters.
    #[serde(default)]
    pub phase_3: Option<u64>,
    /// DeployAgents.
    #[serde(default)]
    pub phase_4: Option<u64>,
    /// DrainAgents.
    #[serde(default)]
    pub phase_5: Option<u64>,
    /// RemoveZk.
    #[serde(default)]
    pub phase_6: Option<u64>,
}

/// The short form of a request (PRD 9.4).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigSection {
    /// As `orchestration.require_manual_approval`.
    #[serde(default)]
    pub require_manual_approval: Option<bool>,
    /// As `sync.lag_threshold_ms`.
    #[serde(default)]
    pub sync_lag_threshold_ms: Option<u64>,
    /// As `orchestration.health_check_interval_sec`.
    #[serde(default)]
    pub health_check_interval_sec: Option<u64>,
}

/// Who is told about what.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertSection {
    /// URL of a Slack webhook, which is a secret.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>, write_only)]
    pub slack_webhook: Option<Secret>,
    /// Key of a PagerDuty integration, which is a secret.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>, write_only)]
    pub pagerduty_integration_key: Option<Secret>,
    /// Addresses.
    #[serde(default)]
    pub email: Vec<String>,
    /// Causes, such as sync_lag_high.
    #[serde(default)]
    pub alert_on: Vec<String>,
}

/// Which checks are made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationSection {
    /// Before anything is done, such as cluster_health.
    #[serde(default)]
    pub pre_migration: Vec<String>,
    /// All the time, such as task_count_stable.
    #[serde(default)]
    pub in_flight: Vec<String>,
    /// At the end, such as all_tasks_migrated.
    #[serde(default)]
    pub post_migration: Vec<String>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

/// What is given beside the document, and comes before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `name`.
    pub name: Option<String>,
    /// `source.cluster`.
    pub source_cluster: Option<String>,
    /// `source.zookeeper`.
    pub source_zookeeper: Option<String>,
    /// `target.zookeeper`.
    pub target_zookeeper: Option<String>,
    /// `target.zookeeper_exists`.
    pub target_exists: bool,
    /// `target.node_agent_port`.
    pub node_agent_port: Option<u16>,
    /// `agent_strategy`.
    pub agent_strategy: Option<String>,
}

impl Document {
    /// With what was given beside it.
    #[must_use]
    pub fn with(mut self, given: Overrides) -> Self {
        self.name = given.name.or(self.name);
        self.source.cluster = given.source_cluster.or(self.source.cluster);
        self.source.zookeeper = given.source_zookeeper.or(self.source.zookeeper);
        self.target.zookeeper = given.target_zookeeper.or(self.target.zookeeper);
        self.target.zookeeper_exists |= given.target_exists;
        self.target.node_agent_port = given.node_agent_port.or(self.target.node_agent_port);
        self.agent_strategy = given.agent_strategy.or(self.agent_strategy);
        self
    }
}
