//! What a person wants of a migration at this moment, and what the spec says of time that is up.

use jiff::Timestamp;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{Direction, OnTimeout, Phase, Stage, ZkMigrationStatus};
use std::time::Duration;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// To go on to cluster B.
    Advance,
    /// To go back; what phase `keep` has made stays, or nothing.
    GoBack {
        /// The last phase that stays.
        keep: Option<Phase>,
    },
    /// To go on if that can be done at once. If not, this phase's time is up, and the spec says that it goes back to
    /// the one before; or that has happened already.
    GiveUp {
        /// The last phase that stays.
        keep: Option<Phase>,
    },
    /// To stand still.
    Hold(Hold),
}

/// Why it stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// `spec.paused`.
    Paused,
}

impl Intent {
    /// Reads it from the spec, and from the record of a phase whose time is up. Pausing comes first, so that a person can
    /// stop a way back too; and what a person wants comes before what a timeout says.
    pub(crate) fn of(object: &ZkMigration, now: Timestamp) -> Self {
        if object.spec.paused {
            return Self::Hold(Hold::Paused);
        }
        if let Some(rollback) = &object.spec.rollback {
            return Self::GoBack {
                keep: rollback.to_phase,
            };
        }
        let orchestration = &object.spec.orchestration;
        let Some(status) = &object.status else {
            return Self::Advance;
        };
        let late = match (status.timed_out, orchestration.on_timeout) {
            (Some(phase), _) => Some(phase),
            (None, OnTimeout::RollBack) => status.phase.filter(|phase| {
                worked(status, now).is_some_and(|worked| worked >= orchestration.phase_timeout(*phase))
            }),
            (None, OnTimeout::Alert) => None,
        };
        late.map_or(Self::Advance, |phase| Self::GiveUp {
            keep: phase.previous(),
        })
    }
}

/// For how long the present phase has been worked on; absent while it waits for an approval, goes back, or is done.
pub(crate) fn worked(status: &ZkMigrationStatus, now: Timestamp) -> Option<Duration> {
    let working = matches!(status.stage?, Stage::Acting | Stage::Verifying);
    let phase = status
        .phase
        .filter(|_| working && status.direction != Some(Direction::Back))?;
    let phase = status.phases.iter().find(|found| found.name == phase)?;
    let since = phase.working_since.as_ref().or(phase.started_at.as_ref())?;
    Some(Duration::try_from(now.duration_since(since.0)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use mesolith_crds::v1alpha1::ZkMigrationSpec;
    use mesolith_crds::v1alpha1::zk_migration::{Orchestration, PhaseStatus, Rollback};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// In DeployMasters, worked on since the beginning of time; its timeout is 30 minutes.
    fn migration(on_timeout: OnTimeout, stage: Stage) -> ZkMigration {
        let spec = ZkMigrationSpec {
            orchestration: Orchestration {
                on_timeout,
                ..Orchestration::default()
            },
            ..ZkMigrationSpec::default()
        };
        let mut object = ZkMigration::new("move", spec);
        object.status = Some(ZkMigrationStatus {
            phase: Some(Phase::DeployMasters),
            stage: Some(stage),
            direction: Some(Direction::Forward),
            phases: vec![PhaseStatus {
                name: Phase::DeployMasters,
                started_at: Some(Time(at(-600))),
                working_since: Some(Time(at(0))),
                ..PhaseStatus::default()
            }],
            ..ZkMigrationStatus::default()
        });
        object
    }

    #[test]
    fn time_that_is_up_turns_back_only_where_the_spec_says_so_and_somebody_works() {
        let late = Intent::GiveUp {
            keep: Some(Phase::DeployZk),
        };
        let roll_back = migration(OnTimeout::RollBack, Stage::Verifying);
        assert_eq!(Intent::of(&roll_back, at(29)), Intent::Advance);
        assert_eq!(Intent::of(&roll_back, at(30)), late);
        let alert = migration(OnTimeout::Alert, Stage::Verifying);
        assert_eq!(Intent::of(&alert, at(3000)), Intent::Advance);
        let waits = migration(OnTimeout::RollBack, Stage::AwaitingApproval);
        assert_eq!(Intent::of(&waits, at(3000)), Intent::Advance);
    }

    #[test]
    fn it_stays_turned_back_until_a_person_says_otherwise() {
        let mut object = migration(OnTimeout::Alert, Stage::Done);
        let status = object.status.get_or_insert_default();
        status.direction = Some(Direction::Back);
        status.timed_out = Some(Phase::DeployMasters);
        let late = Intent::GiveUp {
            keep: Some(Phase::DeployZk),
        };
        assert_eq!(Intent::of(&object, at(1)), late);
        object.spec.rollback = Some(Rollback::default());
        assert_eq!(Intent::of(&object, at(1)), Intent::GoBack { keep: None });
        object.spec.paused = true;
        assert_eq!(Intent::of(&object, at(1)), Intent::Hold(Hold::Paused));
    }
}
