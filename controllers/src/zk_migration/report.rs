//! Status, conditions and events of a migration.

use super::account::account;
use super::machine::{self, Decision, World};
use super::preflight::Check;
use super::recorder::Recorder;
use super::resolve::Sides;
use super::watched::watched;
use super::{CHECK_AGAIN, Error, LOOK_AGAIN, progress};
use crate::outcome::Outcome;
use crate::report::{Announced, Finding, status_of};
use kube::ResourceExt;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{
    Direction, Phase, PhaseStatus, SideStatus, Stage, Waiting, ZkMigrationStatus,
};
use mesolith_crds::{Reason, Severity};
use std::time::Duration;

/// Of a source that is named by addresses, and of phases that are not there yet.
pub(super) const NO_PHASES: &str = "This version cannot go further: nothing more will be changed";
/// Addresses listed in a status.
const MOST_LISTED: usize = 64;

/// The preflight of a source that is no MesosCluster was made; its phases cannot run.
pub(super) async fn checked(
    object: &ZkMigration,
    recorder: &Recorder,
    sides: &Sides,
    checks: &[Check],
) -> Result<Outcome, Error> {
    let before = status_of(object);
    let failed: Vec<&Check> = checks.iter().filter(|check| check.failed()).collect();
    let made = checks.iter().filter(|check| !check.skipped()).count();
    let passed = format!("{} of {made} checks passed", made - failed.len());
    let mut findings = vec![Finding::yes("SpecValid", Reason::Valid, "The spec is valid")];
    let mut waiting = Vec::new();
    findings.push(preflight(checks));
    if failed.is_empty() {
        findings.push(Finding::yes(
            "Ready",
            Reason::PreflightPassed,
            format!("The spec is valid and {passed}. {NO_PHASES}"),
        ));
    } else {
        let names: Vec<&str> = failed.iter().map(|check| check.name()).collect();
        findings.push(Finding::no(
            "Ready",
            Reason::PreflightFailed,
            format!(
                "{passed}. Failed: {}. Causes and remedies are in status.preflight",
                names.join(", ")
            ),
        ));
        waiting.extend(failed.iter().map(|check| Waiting {
            reason: check.reason().to_string(),
            message: check.line(),
            command: Some(describe(object)),
        }));
    }
    waiting.push(no_phases());
    let mut after = at_the_start(&before);
    after.preflight = checks.iter().map(Check::shown).collect();
    resolved(&mut after, sides);
    after.waiting_for_summary = Some(if failed.is_empty() {
        "a version that can run phases".to_owned()
    } else {
        passed
    });
    after.waiting_for = waiting;
    write(object, recorder, after, findings).await?;
    Ok(if failed.is_empty() {
        Outcome::Done
    } else {
        Outcome::Waiting {
            reason: Reason::PreflightFailed,
            again: Some(CHECK_AGAIN),
        }
    })
}

/// What the checks before the start have found.
fn preflight(checks: &[Check]) -> Finding {
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| check.failed())
        .map(Check::line)
        .collect();
    let made = checks.iter().filter(|check| !check.skipped()).count();
    if failed.is_empty() {
        let passed = format!("{made} of {made} checks passed");
        Finding::yes("PreflightPassed", Reason::ChecksPassed, passed)
    } else {
        Finding::no("PreflightPassed", Reason::ChecksFailed, failed.join(". "))
    }
}

/// The machine has decided.
pub(super) async fn progress(
    object: &ZkMigration,
    recorder: &Recorder,
    sides: &Sides,
    checks: &[Check],
    decision: &Decision,
    world: &World,
) -> Result<Outcome, Error> {
    let before = status_of(object);
    let mut after = progress::after(&before, decision, world);
    account(object, &before, &mut after, world);
    if !checks.is_empty() {
        after.preflight = checks.iter().map(Check::shown).collect();
        resolved(&mut after, sides);
    }
    let at = format!(
        "{} {:?}{}",
        after.phase.unwrap_or_default(),
        after.stage.unwrap_or_default(),
        match after.direction {
            Some(Direction::Back) => ", on the way back",
            _ => "",
        }
    );
    let mut findings = vec![Finding::yes("SpecValid", Reason::Valid, "The spec is valid")];
    if !checks.is_empty() {
        findings.push(preflight(checks));
    }
    // A wait that a person has to end comes before those that end by themselves.
    let waits: Vec<(Reason, &str)> = after
        .waiting_for
        .iter()
        .map(|wait| {
            let reason = Reason::parse(&wait.reason).unwrap_or(Reason::Progressing);
            (reason, wait.message.as_str())
        })
        .collect();
    let trouble = waits
        .iter()
        .find(|(reason, _)| reason.severity() == Severity::Warning);
    let shown = trouble.or(waits.first());
    findings.push(match (trouble, shown) {
        (Some((reason, message)), _) => Finding::no("Ready", *reason, format!("{at}: {message}")),
        (None, Some((reason, message))) => Finding::yes("Ready", *reason, format!("{at}: {message}")),
        (None, None) => {
            ended(decision, &after).unwrap_or_else(|| Finding::yes("Ready", Reason::Progressing, at))
        }
    });
    findings.push(stalled(object, &after, world));
    let watched = Some(watched(&after, world, is_late(object, &after, world)));
    let reason = shown.map_or(Reason::Progressing, |(reason, _)| *reason);
    paused(object, &mut after, &mut findings);
    after
        .conditions
        .retain(|condition| condition.type_ != "PhasesAvailable");
    let announced = Announced::Only(&["Ready", "Stalled", "AlertsDelivered"]);
    recorder
        .report(object, after, findings, announced, watched)
        .await?;
    let again = match decision {
        Decision::Rest => CHECK_AGAIN,
        Decision::Wait(_) if !checks.is_empty() => CHECK_AGAIN,
        Decision::Move { .. } | Decision::Act(_) | Decision::Wait(_) => LOOK_AGAIN,
    };
    Ok(Outcome::Waiting {
        reason,
        again: Some(again),
    })
}

/// There is nothing left to do.
fn ended(decision: &Decision, after: &ZkMigrationStatus) -> Option<Finding> {
    let phase = after.phase.unwrap_or_default();
    match (decision, after.direction) {
        (Decision::Rest, Some(Direction::Forward)) => {
            Some(Finding::yes("Ready", Reason::Migrated, "Every phase is done"))
        }
        (Decision::Rest, Some(Direction::Back)) => {
            let left = match phase.previous() {
                Some(kept) => format!("{kept} and what came before it stay"),
                None => "nothing of the migration is left".to_owned(),
            };
            Some(Finding::yes(
                "Ready",
                Reason::RolledBack,
                format!("Rolled back: {left}"),
            ))
        }
        _ => None,
    }
}

/// Whether the phase takes longer than its timeout.
fn is_late(object: &ZkMigration, after: &ZkMigrationStatus, world: &World) -> bool {
    let limit = object
        .spec
        .orchestration
        .phase_timeout(after.phase.unwrap_or_default());
    !object.spec.paused && machine::worked(after, world.now).is_some_and(|worked| worked >= limit)
}

/// A phase that takes longer than its timeout, and an approval that is waited for too long.
fn stalled(object: &ZkMigration, after: &ZkMigrationStatus, world: &World) -> Finding {
    let orchestration = &object.spec.orchestration;
    let phase = after.phase.unwrap_or_default();
    let late = |what: &str, limit: Duration| {
        let message = format!("{phase} waits for {what} for longer than {} s", limit.as_secs());
        Finding::yes("Stalled", Reason::PhaseTimeout, message)
    };
    let since = after
        .since
        .as_ref()
        .filter(|_| after.stage == Some(Stage::AwaitingApproval));
    let waited = since.map(|since| world.now.duration_since(since.0).unsigned_abs());
    let limit = orchestration.approval_timeout();
    if waited.is_some_and(|waited| waited >= limit) {
        late("its approval", limit)
    } else if is_late(object, after, world) {
        late("its end", orchestration.phase_timeout(phase))
    } else {
        Finding::no("Stalled", Reason::Progressing, "")
    }
}

/// Everything is done, and the cluster is its spec again. Going back is refused.
pub(super) async fn through(object: &ZkMigration, recorder: &Recorder) -> Result<Outcome, Error> {
    let mut after = status_of(object);
    after.waiting_for.clear();
    after.waiting_for_summary = None;
    let done = "the cluster is what the migration was to make of it";
    let ready = match object.spec.rollback {
        None => Finding::yes("Ready", Reason::Migrated, done),
        Some(_) => Finding::no(
            "Ready",
            Reason::SourceDeleted,
            "there is no way back: take spec.rollback away",
        ),
    };
    let findings = vec![
        Finding::yes("SpecValid", Reason::Valid, "The spec is valid"),
        ready,
        Finding::no("Stalled", Reason::Migrated, ""),
        Finding::yes("Succeeded", Reason::Migrated, done),
    ];
    let announced = Announced::Only(&["Ready", "Succeeded"]);
    recorder.report(object, after, findings, announced, None).await?;
    Ok(Outcome::Done)
}

/// The spec has to change.
pub(super) async fn invalid(
    object: &ZkMigration,
    recorder: &Recorder,
    problem: &str,
) -> Result<Outcome, Error> {
    not_ready(object, recorder, Reason::InvalidSpec, problem).await?;
    Ok(Outcome::Invalid {
        reason: Reason::InvalidSpec,
    })
}

/// The source has to come.
pub(super) async fn no_cluster(
    object: &ZkMigration,
    recorder: &Recorder,
    problem: &str,
) -> Result<Outcome, Error> {
    not_ready(object, recorder, Reason::ClusterNotFound, problem).await?;
    Ok(Outcome::Waiting {
        reason: Reason::ClusterNotFound,
        again: Some(CHECK_AGAIN),
    })
}

async fn not_ready(
    object: &ZkMigration,
    recorder: &Recorder,
    reason: Reason,
    problem: &str,
) -> Result<(), Error> {
    let before = status_of(object);
    let mut after = if progress::record(&before).is_clean() {
        at_the_start(&before)
    } else {
        before.clone()
    };
    after.preflight.clear();
    after.waiting_for = vec![Waiting {
        reason: reason.to_string(),
        message: problem.to_owned(),
        command: None,
    }];
    after.waiting_for_summary = Some(problem.chars().take(200).collect());
    let valid = match reason {
        Reason::InvalidSpec => Finding::no("SpecValid", reason, problem),
        _ => Finding::yes("SpecValid", Reason::Valid, "The spec is valid"),
    };
    let findings = vec![
        valid,
        Finding::unknown("PreflightPassed", reason, "The checks cannot be made"),
        Finding::no("Ready", reason, problem),
    ];
    write(object, recorder, after, findings).await
}

fn no_phases() -> Waiting {
    Waiting {
        reason: Reason::PhasesUnavailable.to_string(),
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

/// Both sides as they were resolved.
fn resolved(after: &mut ZkMigrationStatus, sides: &Sides) {
    let (a, b) = (&sides.source, &sides.target);
    after.source = Some(side(&a.zookeeper, &a.masters, a.agents));
    after.target = Some(side(&b.zookeeper, &b.masters, b.agents));
}

fn side(zookeeper: &[String], masters: &[String], agents: usize) -> SideStatus {
    SideStatus {
        zookeeper: Some(zookeeper.join(",")),
        mesos_masters: masters.iter().take(MOST_LISTED).cloned().collect(),
        agents: i32::try_from(agents).ok(),
    }
}

/// Shows every check with its message.
fn describe(object: &ZkMigration) -> String {
    format!(
        "kubectl describe zkmigration {} -n {}",
        object.name_any(),
        object.namespace().unwrap_or_default()
    )
}

async fn write(
    object: &ZkMigration,
    recorder: &Recorder,
    mut after: ZkMigrationStatus,
    mut findings: Vec<Finding>,
) -> Result<(), Error> {
    findings.push(Finding::no(
        "PhasesAvailable",
        Reason::PhasesUnavailable,
        NO_PHASES,
    ));
    paused(object, &mut after, &mut findings);
    let announced = Announced::Only(&["Ready", "PhasesAvailable"]);
    // What is on its way and cannot be followed for the moment is not over: its alerts stay.
    recorder.report(object, after, findings, announced, None).await
}

fn paused(object: &ZkMigration, after: &mut ZkMigrationStatus, findings: &mut Vec<Finding>) {
    if object.spec.paused {
        findings.push(Finding::yes("Paused", Reason::Paused, "spec.paused is set"));
    } else {
        after.conditions.retain(|condition| condition.type_ != "Paused");
    }
}
