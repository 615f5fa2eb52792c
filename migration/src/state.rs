//! In one word: where a migration is, and who has to act.

use mesolith_crds::condition::{self, DEGRADED, READY, STALLED};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Stage, ZkMigrationStatus};
use mesolith_crds::{Reason, Severity};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a migration is, and who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The operator has not looked at it yet.
    New,
    /// It goes on by itself.
    Running,
    /// It goes back by itself.
    GoingBack,
    /// `spec.paused` is set.
    Paused,
    /// Evidence waits for a person's approval.
    WaitingForApproval,
    /// A person has to do what `waiting_for` says.
    WaitingForPerson,
    /// It does not get on, and waiting alone will not help.
    Stuck,
    /// All six phases are done.
    Succeeded,
    /// The way back that was asked for has ended.
    RolledBack,
}

impl State {
    /// The word that is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "running",
            Self::GoingBack => "going back",
            Self::Paused => "paused",
            Self::WaitingForApproval => "waiting for approval",
            Self::WaitingForPerson => "waiting for a person",
            Self::Stuck => "stuck",
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled back",
        }
    }

    /// Whether nothing more comes by itself.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::RolledBack)
    }

    /// The state of an object, with the reason and the sentence of what holds it up.
    pub(crate) fn of(object: &ZkMigration) -> (Self, Option<(String, String)>) {
        let Some(status) = object.status.as_ref().filter(|status| status.phase.is_some()) else {
            return (Self::New, None);
        };
        let back = status.direction == Some(Direction::Back);
        let done = status.stage == Some(Stage::Done);
        if back && done && ended(object, status) {
            return (Self::RolledBack, None);
        }
        if !back && done && status.phase == Some(Phase::RemoveZk) {
            return (Self::Succeeded, None);
        }
        if object.spec.paused {
            return (Self::Paused, None);
        }
        if !back && status.stage == Some(Stage::AwaitingApproval) {
            return (Self::WaitingForApproval, None);
        }
        if let Some(trouble) = trouble(status) {
            return (Self::Stuck, Some(trouble));
        }
        if let Some(wait) = status.waiting_for.iter().find(|wait| wait.command.is_some()) {
            let said = (wait.reason.clone(), wait.message.clone());
            return (Self::WaitingForPerson, Some(said));
        }
        (if back { Self::GoingBack } else { Self::Running }, None)
    }
}

/// Whether what was asked for has been undone, and nothing more is.
fn ended(object: &ZkMigration, status: &ZkMigrationStatus) -> bool {
    let kept = status.phase.and_then(Phase::previous);
    match &object.spec.rollback {
        Some(rollback) => kept == rollback.to_phase || kept.is_none(),
        None => kept.is_none(),
    }
}

/// What holds it up, when that does not end by itself.
fn trouble(status: &ZkMigrationStatus) -> Option<(String, String)> {
    let condition = |kind: &str, bad: &str| {
        let found = condition::find(&status.conditions, kind)?;
        (found.status == bad).then(|| (found.reason.clone(), found.message.clone()))
    };
    let warned = || {
        let serious = |reason: &str| Reason::parse(reason).is_some_and(|r| r.severity() == Severity::Warning);
        let wait = status.waiting_for.iter().find(|wait| serious(&wait.reason))?;
        Some((wait.reason.clone(), wait.message.clone()))
    };
    condition(DEGRADED, "True")
        .or_else(|| condition(STALLED, "True"))
        .or_else(|| condition(READY, "False"))
        .or_else(warned)
}
