//! Both sides, and what is between them.

use jiff::Timestamp;
use mesolith_crds::period::Period;
use mesolith_crds::v1alpha1::zk_migration::{
    LeaderStatus, MigrationSource, SideStatus, SyncState, SyncStatus, TaskCounts,
};
use serde::Serialize;
use utoipa::ToSchema;

/// One side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SideView {
    /// The MesosCluster, when it is one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its ensemble: `host:port,host:port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zookeeper: Option<String>,
    /// Its masters.
    pub mesos_masters: Vec<String>,
    /// Number of its agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<i32>,
}

impl SideView {
    /// As the operator resolved it; until then as the spec has it.
    pub(super) fn of(resolved: Option<&SideStatus>, spec: Option<&MigrationSource>) -> Self {
        let cluster = spec.and_then(|spec| spec.cluster_ref.as_ref());
        let side = Self {
            cluster: cluster.map(|cluster| cluster.name.clone()),
            ..Self::default()
        };
        match (resolved, spec) {
            (Some(resolved), _) => Self {
                zookeeper: resolved.zookeeper.clone(),
                mesos_masters: resolved.mesos_masters.clone(),
                agents: resolved.agents,
                ..side
            },
            (None, Some(spec)) => Self {
                zookeeper: spec.zookeeper.clone(),
                mesos_masters: spec.mesos_masters.clone(),
                ..side
            },
            (None, None) => side,
        }
    }
}

/// The sync engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct SyncView {
    /// Seeding, CatchingUp, InSync, Paused or Failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How far B is behind A: the 95th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<f64>,
    /// The median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_p50_ms: Option<f64>,
    /// The 99th percentile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_p99_ms: Option<f64>,
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
    /// Last change that B took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sync: Option<Timestamp>,
}

impl SyncView {
    pub(super) fn of(sync: &SyncStatus) -> Self {
        let lag = sync.lag.clone().unwrap_or_default();
        let milliseconds = |text: Option<String>| {
            let lag = Period::from(text?.as_str()).duration()?;
            Some(lag.as_secs_f64() * 1e3)
        };
        Self {
            state: sync.state.map(|state: SyncState| format!("{state:?}")),
            lag_ms: milliseconds(lag.p95),
            lag_p50_ms: milliseconds(lag.p50),
            lag_p99_ms: milliseconds(lag.p99),
            znodes_source: sync.znodes_source,
            znodes_synced: sync.znodes_synced,
            diff: sync.diff,
            pending: sync.pending,
            conflicts: sync.conflicts,
            errors: sync.errors,
            updates_per_second: sync.updates_per_second,
            bytes_per_second: sync.bytes_per_second,
            zxid: sync.zxid.clone(),
            last_sync: sync.last_sync.as_ref().map(|time| time.0),
        }
    }
}

/// The leading master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeaderView {
    /// `host:port` of its API.
    pub address: String,
    /// Since when it leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

impl LeaderView {
    pub(super) fn of(leader: &LeaderStatus) -> Self {
        Self {
            address: leader.address.clone(),
            since: leader.since.as_ref().map(|time| time.0),
        }
    }
}

/// Tasks on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TasksView {
    /// On agents of A.
    pub source: i64,
    /// On agents of B.
    pub target: i64,
}

impl TasksView {
    pub(super) fn of(tasks: &TaskCounts) -> Self {
        Self {
            source: tasks.source,
            target: tasks.target,
        }
    }
}
