//! From a ZkMigration to the facts of its report. Pure. What the object does not say is absent, never zero.

use super::times::{self, at};
use jiff::Timestamp;
use kube::ResourceExt;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{
    Direction, Figures, Phase, PreflightCheck, PreflightState, SideStatus, Stage, ZkMigrationStatus,
};
use mesolith_report::{Check, CheckResult, Issue, Lag, Measure, Outcome, Report, Side, Sync, Tasks};

/// Moves that a person should read of.
const ISSUES: [Reason; 4] = [
    Reason::FellBack,
    Reason::TimedOut,
    Reason::RecordLost,
    Reason::TurnedBack,
];

/// The report of a migration, made now.
pub(super) fn report(object: &ZkMigration, now: Timestamp) -> Report {
    let empty = ZkMigrationStatus::default();
    let status = object.status.as_ref().unwrap_or(&empty);
    let outcome = outcome(object, status);
    let phases = times::phases(status);
    let ended = matches!(outcome, Outcome::Completed | Outcome::RolledBack);
    let last = status
        .history
        .last()
        .and_then(|entry| entry.time.as_ref())
        .map(at);
    Report {
        version: "mesolith.io/report/v1".to_owned(),
        migration: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
        uid: object.uid().unwrap_or_default(),
        description: object.spec.description.clone(),
        outcome,
        made_at: now,
        started_at: phases.first().map(|phase| phase.started_at),
        ended_at: last.filter(|_| ended),
        source: side(status.source.as_ref()),
        target: side(status.target.as_ref()),
        phases,
        lag: lag(status),
        sync: sync(status),
        tasks: tasks(object, status),
        utilization: utilization(status),
        metrics: metrics(status),
        checks: status.preflight.iter().map(check).collect(),
        issues: issues(object, status),
        audit_head: status.audit.as_ref().map(|audit| audit.head.clone()),
    }
}

fn outcome(object: &ZkMigration, status: &ZkMigrationStatus) -> Outcome {
    let phase = status.phase.unwrap_or_default();
    match (
        status.direction.unwrap_or_default(),
        status.stage.unwrap_or_default(),
    ) {
        (Direction::Forward, Stage::Done) if phase.next().is_none() => Outcome::Completed,
        (Direction::Back, Stage::Done) if keeps(object, status) == phase.previous() => Outcome::RolledBack,
        _ if object.spec.paused => Outcome::Paused,
        _ => Outcome::InProgress,
    }
}

/// The last phase that a way back leaves.
fn keeps(object: &ZkMigration, status: &ZkMigrationStatus) -> Option<Phase> {
    match (&object.spec.rollback, status.timed_out) {
        (Some(rollback), _) => rollback.to_phase,
        (None, Some(late)) => late.previous(),
        (None, None) => None,
    }
}

fn side(side: Option<&SideStatus>) -> Side {
    let Some(side) = side else { return Side::default() };
    Side {
        zookeeper: side.zookeeper.clone().unwrap_or_default(),
        masters: Some(side.mesos_masters.len() as u64),
        agents: side.agents.and_then(|agents| u64::try_from(agents).ok()),
    }
}

fn lag(status: &ZkMigrationStatus) -> Option<Lag> {
    let worst = status.tally.as_ref()?.worst_lag?;
    Some(Lag {
        p50_ms: worst.p50_ms,
        p95_ms: worst.p95_ms,
        p99_ms: worst.p99_ms,
        max_ms: worst.max_ms,
    })
}

fn sync(status: &ZkMigrationStatus) -> Option<Sync> {
    let sync = status.sync.as_ref()?;
    let number = |n: Option<i64>| u64::try_from(n?).ok();
    Some(Sync {
        znodes: number(sync.znodes_source)?,
        changes: None,
        conflicts: number(sync.conflicts)?,
        errors: number(sync.errors).unwrap_or_default(),
    })
}

/// Figures from the end of the last phase that was done or undone.
fn after(status: &ZkMigrationStatus) -> Option<&Figures> {
    let figures = status.phases.iter().filter_map(|phase| phase.after.as_ref());
    figures.max_by_key(|figures| figures.time.as_ref().map(at))
}

fn tasks(object: &ZkMigration, status: &ZkMigrationStatus) -> Option<Tasks> {
    let (before, tally) = (status.before.as_ref()?, status.tally.as_ref()?);
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let after = number(after(status)?.tasks?);
    let drained = status
        .phases
        .iter()
        .find(|phase| phase.name == Phase::DrainAgents);
    let drained = drained.is_some_and(|phase| phase.completed_at.is_some() && phase.undone_at.is_none());
    Some(Tasks {
        before: number(before.tasks?),
        after,
        moved: match &status.tasks {
            Some(tasks) => Some(number(tasks.target)),
            None => drained.then_some(after),
        },
        // The instance of A ends when its replacement serves; without Drain nothing is ended.
        restarted: (outcome(object, status) != Outcome::InProgress).then(|| tally.counted("tasks_killed")),
        failed: tally.failed(),
    })
}

fn utilization(status: &ZkMigrationStatus) -> Vec<Measure> {
    let (before, after) = (status.before.as_ref(), after(status));
    let names = before
        .into_iter()
        .chain(after)
        .flat_map(|figures| figures.utilization.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let of = |figures: Option<&Figures>, name: &String| figures?.utilization.get(name).copied();
    let measure = |name: &String| Measure {
        name: name.clone(),
        unit: "%".to_owned(),
        before: of(before, name),
        after: of(after, name),
    };
    names.into_iter().map(measure).collect()
}

fn metrics(status: &ZkMigrationStatus) -> Vec<Measure> {
    let (before, after) = (status.before.as_ref(), after(status));
    let measure = |name: &str, unit: &str, of: fn(&Figures) -> Option<f64>| Measure {
        name: name.to_owned(),
        unit: unit.to_owned(),
        before: before.and_then(of),
        after: after.and_then(of),
    };
    #[allow(clippy::cast_precision_loss)] // counts
    let all = [
        measure("Agents", "", |figures| figures.agents.map(|n| n as f64)),
        measure("Frameworks connected", "", |figures| {
            figures.frameworks.map(|n| n as f64)
        }),
        measure("Answer of the leading master", "ms", |figures| {
            figures.leader_answer_ms
        }),
    ];
    let known = |measure: &Measure| measure.before.is_some() || measure.after.is_some();
    all.into_iter().filter(known).collect()
}

fn check(check: &PreflightCheck) -> Check {
    Check {
        name: check.name.clone(),
        result: match check.status {
            PreflightState::Passed => CheckResult::Passed,
            PreflightState::Warning => CheckResult::Warning,
            PreflightState::Failed => CheckResult::Failed,
            PreflightState::Pending | PreflightState::Skipped => CheckResult::Skipped,
        },
        figure: check.message.clone(),
    }
}

fn issues(object: &ZkMigration, status: &ZkMigrationStatus) -> Vec<Issue> {
    let why = object
        .spec
        .rollback
        .as_ref()
        .and_then(|rollback| rollback.reason.clone());
    let of_history = status.history.iter().filter_map(|entry| {
        let reason = ISSUES
            .into_iter()
            .find(|reason| *reason == *entry.reason.as_str())?;
        let phase = entry.phase.unwrap_or_default();
        let message = match &why {
            Some(why) if reason == Reason::TurnedBack => why,
            _ => &entry.message,
        };
        Some(Issue {
            at: at(entry.time.as_ref()?),
            reason: entry.reason.clone(),
            message: format!("{phase}: {message}"),
        })
    });
    let of_alerts = status.alerts.iter().map(|alert| Issue {
        at: at(&alert.since),
        reason: alert.name.clone(),
        message: alert.message.clone(),
    });
    let mut issues: Vec<Issue> = of_history.chain(of_alerts).collect();
    issues.sort_by_key(|issue| issue.at);
    issues
}

#[cfg(test)]
mod tests;
