//! The times in each phase, from the history of a migration. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{
    Direction, HistoryEntry, Phase, PhaseStatus, Stage, ZkMigrationStatus,
};
use mesolith_report::{self as report, Approval, PhaseState};

/// Whose name nobody has written down.
const SOMEBODY: &str = "unknown";

/// The time that the API server stored.
pub(super) fn at(time: &Time) -> Timestamp {
    time.0
}

/// Every time in a phase, in order. What the history does not have any more comes from `status.phases`.
pub(super) fn phases(status: &ZkMigrationStatus) -> Vec<report::Phase> {
    let mut times: Vec<report::Phase> = Vec::new();
    for entry in &status.history {
        if let (Some(time), Some(phase)) = (&entry.time, entry.phase) {
            take(&mut times, entry, phase, at(time));
        }
    }
    for known in &status.phases {
        let Some(started) = known.started_at.as_ref().map(at) else {
            continue;
        };
        let shown = |time: &&mut report::Phase| {
            time.number == known.id && time.direction == report::Direction::Forward
        };
        match times.iter_mut().rfind(shown) {
            Some(time) => time.evidence = evidence(known),
            None => times.push(remembered(known, started)),
        }
    }
    times.sort_by_key(|time| time.started_at);
    times
}

/// One move.
fn take(times: &mut Vec<report::Phase>, entry: &HistoryEntry, phase: Phase, time: Timestamp) {
    let is = |reason: Reason| reason == *entry.reason.as_str();
    let forward = entry.direction.unwrap_or_default() == Direction::Forward;
    let open = times.last_mut().filter(|open| open.ended_at.is_none());
    match (forward, entry.stage.unwrap_or_default()) {
        (true, Stage::Acting | Stage::Verifying)
            if is(Reason::Started) || is(Reason::RecordLost) || is(Reason::TurnedForward) =>
        {
            times.push(begun(phase, report::Direction::Forward, time));
        }
        (true, Stage::Acting | Stage::Verifying) => set(open, PhaseState::InProgress, None),
        (true, Stage::AwaitingApproval) => set(open, PhaseState::AwaitingApproval, None),
        (true, Stage::Done) => {
            if let Some(open) = open {
                open.approval = is(Reason::Approved).then(|| Approval {
                    by: entry.by.clone().unwrap_or_else(|| SOMEBODY.to_owned()),
                    at: time,
                    evidence_hash: entry.evidence_hash.clone().unwrap_or_default(),
                });
                set(Some(open), PhaseState::Done, Some(time));
            }
        }
        (false, Stage::Acting) if !is(Reason::FellBack) => {
            set(open, PhaseState::Abandoned, Some(time));
            times.push(begun(phase, report::Direction::Back, time));
        }
        (false, Stage::Done) => set(open, PhaseState::Done, Some(time)),
        (true, Stage::Preflight) | (false, _) => {}
    }
}

fn set(time: Option<&mut report::Phase>, state: PhaseState, ended: Option<Timestamp>) {
    if let Some(time) = time {
        time.state = state;
        time.ended_at = ended;
    }
}

fn begun(phase: Phase, direction: report::Direction, time: Timestamp) -> report::Phase {
    report::Phase {
        number: phase.number(),
        name: phase.to_string(),
        direction,
        state: PhaseState::InProgress,
        started_at: time,
        ended_at: None,
        approval: None,
        evidence: None,
    }
}

/// A time that only `status.phases` knows of.
fn remembered(known: &PhaseStatus, started: Timestamp) -> report::Phase {
    let ended = known.completed_at.as_ref().map(at);
    report::Phase {
        state: ended.map_or(PhaseState::InProgress, |_| PhaseState::Done),
        ended_at: ended,
        approval: known.approved_by.as_ref().zip(ended).map(|(by, at)| Approval {
            by: by.clone(),
            at,
            evidence_hash: String::new(),
        }),
        evidence: evidence(known),
        ..begun(known.name, report::Direction::Forward, started)
    }
}

fn evidence(known: &PhaseStatus) -> Option<String> {
    let facts = known
        .health_checks
        .iter()
        .map(|(name, value)| format!("{name} {value}"));
    let line: Vec<String> = facts.collect();
    (!line.is_empty()).then(|| line.join(" · "))
}
