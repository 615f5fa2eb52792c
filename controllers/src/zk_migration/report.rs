//! The status of a migration that is checked but cannot run yet.

use super::resolve::Sides;
use super::{CHECK_AGAIN, Error, decide};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::report::{Finding, conditions, status_of, transitions, write_status};
use jiff::Timestamp;
use kube::Resource;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{
    Direction, Phase, PhaseStatus, PreflightCheck, PreflightState, SideStatus, Stage, Waiting,
    ZkMigrationStatus,
};

const NO_PHASES: &str =
    "This version checks a migration but cannot run its phases yet: nothing will be changed";
/// Addresses listed in a status.
const MOST_LISTED: usize = 64;

/// The preflight was made.
pub(super) async fn report(
    object: &ZkMigration,
    cx: &Context,
    sides: &Sides,
    checks: Vec<PreflightCheck>,
) -> Result<Outcome, Error> {
    let before = status_of(object);
    let checks = steady(&before.preflight, checks);
    let count = |state| checks.iter().filter(|check| check.status == state).count();
    let (failed, made) = (
        count(PreflightState::Failed),
        checks.len() - count(PreflightState::Skipped),
    );
    let passed = format!("{} of {made} checks passed", made - failed);
    let failures: Vec<String> = checks
        .iter()
        .filter(|check| check.status == PreflightState::Failed)
        .map(|check| format!("{}: {}", check.name, check.message.clone().unwrap_or_default()))
        .collect();
    let mut findings = vec![Finding::yes("SpecValid", "Valid", "The spec is valid")];
    let mut waiting = Vec::new();
    if failed == 0 {
        findings.push(Finding::yes("PreflightPassed", "ChecksPassed", passed.clone()));
        findings.push(Finding::yes(
            "Ready",
            "PreflightPassed",
            format!("The spec is valid and {passed}. {NO_PHASES}"),
        ));
    } else {
        let message = format!("{passed}. {}", failures.join("; "));
        findings.push(Finding::no("PreflightPassed", "ChecksFailed", message.clone()));
        findings.push(Finding::no("Ready", "PreflightFailed", message.clone()));
        waiting.push(Waiting {
            reason: "PreflightFailed".to_owned(),
            message,
            command: None,
        });
    }
    waiting.push(no_phases());
    let side = |zookeeper: &[String], masters: &[String], agents: usize| SideStatus {
        zookeeper: Some(zookeeper.join(",")),
        mesos_masters: masters.iter().take(MOST_LISTED).cloned().collect(),
        agents: i32::try_from(agents).ok(),
    };
    let mut after = at_the_start(&before);
    after.preflight = checks;
    after.source = Some(side(
        &sides.source.zookeeper,
        &sides.source.masters,
        sides.source.agents,
    ));
    after.target = Some(side(
        &sides.target.zookeeper,
        &sides.target.masters,
        sides.target.agents,
    ));
    after.waiting_for_summary = Some(if failed == 0 {
        "a version that can run phases".to_owned()
    } else {
        passed
    });
    after.waiting_for = waiting;
    write(object, cx, before, after, findings).await?;
    Ok(if failed == 0 {
        Outcome::Done
    } else {
        Outcome::Waiting {
            reason: "PreflightFailed",
            again: Some(CHECK_AGAIN),
        }
    })
}

/// The spec has to change.
pub(super) async fn invalid(object: &ZkMigration, cx: &Context, problem: &str) -> Result<Outcome, Error> {
    not_ready(object, cx, "InvalidSpec", problem).await?;
    Ok(Outcome::Invalid {
        reason: "InvalidSpec",
    })
}

/// The source has to come.
pub(super) async fn no_cluster(object: &ZkMigration, cx: &Context, problem: &str) -> Result<Outcome, Error> {
    not_ready(object, cx, "ClusterNotFound", problem).await?;
    Ok(Outcome::Waiting {
        reason: "ClusterNotFound",
        again: Some(CHECK_AGAIN),
    })
}

async fn not_ready(
    object: &ZkMigration,
    cx: &Context,
    reason: &'static str,
    problem: &str,
) -> Result<(), Error> {
    let before = status_of(object);
    let mut after = at_the_start(&before);
    after.preflight.clear();
    after.waiting_for = vec![
        Waiting {
            reason: reason.to_owned(),
            message: problem.to_owned(),
            command: None,
        },
        no_phases(),
    ];
    after.waiting_for_summary = Some(problem.chars().take(200).collect());
    let valid = match reason {
        "InvalidSpec" => Finding::no("SpecValid", reason, problem),
        _ => Finding::yes("SpecValid", "Valid", "The spec is valid"),
    };
    let findings = vec![
        valid,
        Finding::unknown("PreflightPassed", reason, "The checks cannot be made"),
        Finding::no("Ready", reason, problem),
    ];
    write(object, cx, before, after, findings).await
}

fn no_phases() -> Waiting {
    Waiting {
        reason: "PhasesUnavailable".to_owned(),
        message: NO_PHASES.to_owned(),
        command: None,
    }
}

/// Every migration of this version stands before its first phase.
fn at_the_start(before: &ZkMigrationStatus) -> ZkMigrationStatus {
    let phase = Phase::DeployZk;
    ZkMigrationStatus {
        phase: Some(phase),
        stage: Some(Stage::Preflight),
        direction: Some(Direction::Forward),
        step: Some(phase.step()),
        phases: Phase::ALL
            .into_iter()
            .map(|phase| PhaseStatus {
                id: phase.number(),
                name: phase,
                ..PhaseStatus::default()
            })
            .collect(),
        ..before.clone()
    }
}

/// Keeps the old message of a check whose result is the same but for numbers.
fn steady(before: &[PreflightCheck], mut checks: Vec<PreflightCheck>) -> Vec<PreflightCheck> {
    for check in &mut checks {
        let old = before
            .iter()
            .find(|old| old.name == check.name && old.status == check.status);
        if let Some(PreflightCheck {
            message: Some(old), ..
        }) = old
            && check
                .message
                .as_ref()
                .is_some_and(|new| decide::is_same_but_numbers(old, new))
        {
            check.message = Some(old.clone());
        }
    }
    checks
}

async fn write(
    object: &ZkMigration,
    cx: &Context,
    before: ZkMigrationStatus,
    mut after: ZkMigrationStatus,
    mut findings: Vec<Finding>,
) -> Result<(), Error> {
    findings.push(Finding::no("PhasesAvailable", "PhasesUnavailable", NO_PHASES));
    if object.spec.paused {
        findings.push(Finding::yes("Paused", "Paused", "spec.paused is set"));
    } else {
        after.conditions.retain(|condition| condition.type_ != "Paused");
    }
    let generation = object.metadata.generation;
    after.observed_generation = generation;
    after.conditions = conditions(&after.conditions, &findings, generation, Timestamp::now());
    if write_status(&cx.client, object, &before, &after)
        .await
        .map_err(Error::WriteStatus)?
    {
        let news: Vec<_> = transitions(&before.conditions, &after.conditions)
            .into_iter()
            .filter(|condition| ["Ready", "PhasesAvailable"].contains(&condition.type_.as_str()))
            .collect();
        cx.announcer.announce(&object.object_ref(&()), &news).await;
    }
    Ok(())
}
