//! What is shown of a migration: PRD 8.4's model, with what a person needs to decide. As `--output json|yaml` and over
//! HTTP it is the same.

mod phases;
mod said;
mod sides;

pub use phases::{PhaseState, PhaseView, Progress};
pub use said::{AlertView, CheckView, EvidenceView, RollbackView, WaitView};
pub use sides::{LeaderView, SideView, SyncView, TasksView};

use crate::state::State;
use jiff::Timestamp;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::Direction;
use serde::Serialize;
use utoipa::ToSchema;

/// A migration as it is shown. What is not known is absent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(title = "Migration")]
pub struct View {
    /// Its name.
    pub migration_id: String,
    /// The namespace that it is in.
    pub namespace: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is, and who has to act.
    pub state: State,
    /// What holds it up: one CamelCase word of docs/reasons.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What holds it up, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Number of the phase, 1 to 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_phase: Option<u8>,
    /// Name of the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// How far the phase is: Preflight, Acting, Verifying, AwaitingApproval or Done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Forward, or Back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// Since when phase, stage and direction are what they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is being deleted.
    pub deleted: bool,
    /// The way back that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackView>,
    /// What has to happen before it goes on.
    pub waiting_for: Vec<WaitView>,
    /// What an approval would sign now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceView>,
    /// The six phases.
    pub phases: Vec<PhaseView>,
    /// Counted work that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Cluster A.
    pub source_cluster: SideView,
    /// Cluster B.
    pub target_cluster: SideView,
    /// The sync engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_metrics: Option<SyncView>,
    /// The leading master.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<LeaderView>,
    /// Tasks on both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TasksView>,
    /// What a person should look at now, the worst first.
    pub alerts: Vec<AlertView>,
    /// The checks before the start.
    pub checks: Vec<CheckView>,
}

impl View {
    /// What is shown of an object.
    #[must_use]
    pub fn of(object: &ZkMigration) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let (state, trouble) = State::of(object);
        let (reason, message) = trouble.unzip();
        Self {
            migration_id: object.metadata.name.clone().unwrap_or_default(),
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            created_at: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
            description: object.spec.description.clone(),
            state,
            reason,
            message,
            current_phase: status.phase.map(|phase| phase.number()),
            phase: status.phase.map(|phase| phase.to_string()),
            stage: status.stage.map(|stage| format!("{stage:?}")),
            direction: status.direction.map(|direction| match direction {
                Direction::Forward => "Forward".to_owned(),
                Direction::Back => "Back".to_owned(),
            }),
            since: status.since.as_ref().map(|time| time.0),
            paused: object.spec.paused,
            deleted: object.metadata.deletion_timestamp.is_some(),
            rollback: object.spec.rollback.as_ref().map(RollbackView::of),
            waiting_for: status.waiting_for.iter().map(WaitView::of).collect(),
            evidence: status.evidence.as_ref().map(EvidenceView::of),
            phases: PhaseView::all(&status),
            progress: Progress::of(object),
            source_cluster: SideView::of(status.source.as_ref(), Some(&object.spec.source)),
            target_cluster: SideView::of(status.target.as_ref(), None),
            sync_metrics: status.sync.as_ref().map(SyncView::of),
            leader: status.leader.as_ref().map(LeaderView::of),
            tasks: status.tasks.as_ref().map(TasksView::of),
            alerts: status.alerts.iter().map(AlertView::of).collect(),
            checks: status.preflight.iter().map(CheckView::of).collect(),
        }
    }

    /// With the end of the counted work, when it is known.
    #[must_use]
    pub fn with_eta(mut self, seconds: Option<u64>) -> Self {
        if let Some(progress) = &mut self.progress {
            progress.eta_seconds = seconds;
        }
        self
    }
}
