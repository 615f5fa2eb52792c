//! From a decision to the status. Pure.

use super::machine::{Cause, Decision, Evidence, Record, World};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::v1alpha1::ZkMigrationStatus;
use mesolith_crds::v1alpha1::zk_migration::{
    self as api, Direction, HistoryEntry, LagStatus, LeaderStatus, Phase, PhaseStatus, Stage, SyncState,
    SyncStatus, TaskCounts, Waiting,
};
use std::time::Duration;

/// Entries of the history that a status keeps.
const HISTORY: usize = 64;
/// Longest summary for the column.
const SUMMARY: usize = 256;
/// Longest message of a history entry.
const MESSAGE: usize = 1024;
/// Waits that a status lists.
const WAITS: usize = 32;

/// The record in a status.
pub(super) fn record(status: &ZkMigrationStatus) -> Record {
    Record {
        phase: status.phase.unwrap_or_default(),
        stage: status.stage.unwrap_or_default(),
        direction: status.direction.unwrap_or_default(),
        evidence: status.evidence.as_ref().map(|evidence| evidence.hash.clone()),
    }
}

/// The status after a decision; figures are those of the world.
pub(super) fn after(before: &ZkMigrationStatus, decision: &Decision, world: &World) -> ZkMigrationStatus {
    let mut after = before.clone();
    let at = record(before);
    put(&mut after, &at);
    after.leader = world.leader.as_ref().map(|leader| LeaderStatus {
        address: leader.address.clone(),
        since: whole_second(leader.since),
    });
    match decision {
        Decision::Move { to, cause, evidence } => moved(&mut after, &at, to, cause, evidence.as_ref(), world),
        Decision::Act(_) | Decision::Rest => {
            after.waiting_for.clear();
            after.waiting_for_summary = None;
        }
        Decision::Wait(waits) => say(&mut after, waits),
    }
    // Figures that change all the time are written when the record moves, and while something is under way: a phase
    // that waits for a person writes nothing.
    let quiet = matches!(decision, Decision::Wait(_)) && at.stage == Stage::AwaitingApproval;
    let tasks = tasks(world);
    let failed = |tasks: &Option<TaskCounts>| {
        let tasks = tasks.as_ref()?;
        Some((tasks.failed, tasks.counted_by.clone(), tasks.counted_before))
    };
    if !quiet {
        after.sync = sync(world);
    }
    // How failures are counted has to be on record before the leader that counts them is another one.
    if tasks.is_some() && (!quiet || failed(&tasks) != failed(&before.tasks)) {
        after.tasks = tasks;
    }
    after
}

fn put(status: &mut ZkMigrationStatus, record: &Record) {
    status.phase = Some(record.phase);
    status.stage = Some(record.stage);
    status.direction = Some(record.direction);
    status.step = Some(record.phase.step());
    if status.phases.is_empty() {
        let all = Phase::ALL.into_iter().map(|phase| PhaseStatus {
            id: phase.number(),
            name: phase,
            ..PhaseStatus::default()
        });
        status.phases = all.collect();
    }
}

fn moved(
    status: &mut ZkMigrationStatus,
    from: &Record,
    to: &Record,
    cause: &Cause,
    evidence: Option<&Evidence>,
    world: &World,
) {
    let now = whole_second(world.now);
    put(status, to);
    status.since.clone_from(&now);
    status.waiting_for.clear();
    status.waiting_for_summary = None;
    status.evidence = match (evidence, &to.evidence) {
        (Some(evidence), _) => Some(shown(evidence, to.phase, now.clone())),
        (None, Some(_)) => status.evidence.take(),
        (None, None) => None,
    };
    let by = match cause {
        Cause::Approved { by } => by.clone(),
        _ => None,
    };
    if let Some(phase) = status.phases.iter_mut().find(|phase| phase.name == to.phase) {
        match (to.direction, to.stage) {
            (Direction::Forward, Stage::Acting) if from.stage == Stage::Preflight => {
                *phase = PhaseStatus {
                    id: phase.id,
                    name: phase.name,
                    started_at: now.clone(),
                    ..PhaseStatus::default()
                };
            }
            // What a person approved before the way back is looked at anew.
            (Direction::Forward, Stage::Verifying) if *cause == Cause::TurnedForward => {
                phase.started_at.clone_from(&now);
            }
            (Direction::Forward, Stage::Done) => {
                // The last phase is done twice: its data is kept from the first time on, and the second approves its end.
                if phase.completed_at.is_none() {
                    phase.completed_at.clone_from(&now);
                }
                phase.approved_by.clone_from(&by);
            }
            (Direction::Back, Stage::Done) => phase.undone_at.clone_from(&now),
            _ => {}
        }
    }
    status.history.push(HistoryEntry {
        time: now,
        phase: Some(to.phase),
        stage: Some(to.stage),
        direction: Some(to.direction),
        reason: cause.reason().to_string(),
        message: cut(&cause.sentence(), MESSAGE).to_owned(),
        by,
        evidence_hash: to.evidence.clone(),
    });
    let excess = status.history.len().saturating_sub(HISTORY);
    status.history.drain(..excess);
}

fn shown(evidence: &Evidence, phase: Phase, now: Option<Time>) -> api::Evidence {
    let facts = evidence.facts.iter();
    api::Evidence {
        phase: Some(phase),
        hash: evidence.hash(),
        summary: evidence.summary(),
        since: now,
        facts: facts
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

fn say(status: &mut ZkMigrationStatus, waits: &[Waiting]) {
    status.waiting_for = waits.iter().take(WAITS).cloned().collect();
    let first = waits
        .first()
        .map(|wait| wait.message.as_str())
        .unwrap_or_default();
    status.waiting_for_summary = Some(cut(first, SUMMARY).to_owned());
}

fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn tasks(world: &World) -> Option<TaskCounts> {
    let counts = world.counts.as_ref()?;
    let [source, target] = counts.tasks.map(|tasks| i64::try_from(tasks).unwrap_or(i64::MAX));
    let failures = counts.failures.as_ref();
    Some(TaskCounts {
        failed: failures.map(|failures| failures.total),
        counted_by: failures.map(|failures| failures.by.clone()),
        counted_before: failures.map(|failures| failures.before),
        ..TaskCounts::new(source, target)
    })
}

fn sync(world: &World) -> Option<SyncStatus> {
    let sync = world.sync.as_ref()?;
    let millis = |lag: Duration| Some(format!("{:.1}ms", lag.as_secs_f64() * 1e3));
    let state = match (&sync.failed, sync.in_sync) {
        (Some(_), _) => SyncState::Failed,
        (None, true) => SyncState::InSync,
        (None, false) => SyncState::CatchingUp,
    };
    Some(SyncStatus {
        state: Some(state),
        lag: Some(LagStatus {
            p50: sync.lag.and_then(|lag| millis(lag.p50)),
            p95: millis(sync.lag_p95),
            p99: sync.lag.and_then(|lag| millis(lag.p99)),
        }),
        znodes_source: sync.znodes.and_then(|znodes| i64::try_from(znodes).ok()),
        conflicts: i64::try_from(sync.conflicts).ok(),
        errors: i64::try_from(sync.errors).ok(),
        ..SyncStatus::default()
    })
}

/// The API stores whole seconds.
fn whole_second(time: Timestamp) -> Option<Time> {
    Timestamp::from_second(time.as_second()).ok().map(Time)
}
