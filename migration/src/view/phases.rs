//! The six phases, and counted work.

use jiff::Timestamp;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{
    AgentStrategy, Direction, Phase, PhaseStatus, Stage, ZkMigrationStatus,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// It has not begun.
    Pending,
    /// It is under way.
    InProgress,
    /// It is done and approved.
    Completed,
    /// It is being undone.
    GoingBack,
    /// It was undone.
    Undone,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PhaseView {
    /// Its number, 1 to 6.
    pub id: u8,
    /// Its name, as in approvals.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// What it does.
    #[schema(value_type = String)]
    pub title: &'static str,
    /// How far it is.
    pub status: PhaseState,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
    /// When it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<Timestamp>,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What its health checks say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub health_checks: BTreeMap<String, String>,
}

impl PhaseView {
    /// All six, also those that the status does not list yet.
    pub(super) fn all(status: &ZkMigrationStatus) -> Vec<Self> {
        let of = |phase: Phase| {
            let found = status.phases.iter().find(|listed| listed.name == phase);
            let listed = found.cloned().unwrap_or_default();
            Self {
                id: phase.number(),
                name: phase.as_str(),
                title: title(phase),
                status: phase_state(phase, &listed, status),
                started_at: listed.started_at.map(|time| time.0),
                completed_at: listed.completed_at.map(|time| time.0),
                undone_at: listed.undone_at.map(|time| time.0),
                approved_by: listed.approved_by,
                health_checks: listed.health_checks,
            }
        };
        Phase::ALL.into_iter().map(of).collect()
    }
}

fn phase_state(phase: Phase, listed: &PhaseStatus, status: &ZkMigrationStatus) -> PhaseState {
    let here = status.phase == Some(phase) && status.stage != Some(Stage::Done);
    match (here, status.direction) {
        (true, Some(Direction::Back)) => PhaseState::GoingBack,
        (true, _) if status.stage == Some(Stage::Preflight) => PhaseState::Pending,
        (true, _) => PhaseState::InProgress,
        _ if listed.undone_at.is_some() => PhaseState::Undone,
        _ if listed.completed_at.is_some() => PhaseState::Completed,
        _ if listed.started_at.is_some() => PhaseState::InProgress,
        _ => PhaseState::Pending,
    }
}

/// PRD 6.2's titles.
fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::DeployZk => "Deploy ZK Cluster-B + Start Sync",
        Phase::DeployMasters => "Deploy Mesos Master Cluster-B",
        Phase::RetireMasters => "Tear Down Mesos Master Cluster-A",
        Phase::DeployAgents => "Deploy Mesos Agent Cluster-B",
        Phase::DrainAgents => "Drain Agent Cluster-A",
        Phase::RemoveZk => "Remove ZK Cluster-A",
    }
}

/// Work that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Progress {
    /// What is counted.
    pub what: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
    /// Seconds until it is done, once its speed is known; only where the migration is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}

impl Progress {
    /// The counted work of the stage that the migration is in, if any is.
    pub(super) fn of(object: &ZkMigration) -> Option<Self> {
        let status = object.status.as_ref()?;
        let acts = status.stage == Some(Stage::Acting) && status.direction != Some(Direction::Back);
        let (what, done, total) = match status.phase? {
            Phase::DeployZk if acts => {
                let sync = status.sync.as_ref()?;
                ("znodes on ensemble B", sync.znodes_synced?, sync.znodes_source?)
            }
            Phase::DrainAgents if acts && object.spec.agent_strategy == AgentStrategy::Drain => {
                let tasks = status.tasks.as_ref()?;
                ("tasks on agents B", tasks.target, tasks.source + tasks.target)
            }
            _ => return None,
        };
        Some(Self {
            what: what.to_owned(),
            done: u64::try_from(done).ok()?,
            total: u64::try_from(total).ok()?,
            eta_seconds: None,
        })
    }
}
