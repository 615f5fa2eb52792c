//! What is kept on record beside the stages: how long a phase has been worked on, figures from before and after each
//! phase, and what was counted in between. Pure.

use super::machine::World;
use super::measure::Measured;
use super::progress;
use crate::sync_engine::Lag;
use jiff::{SignedDuration, Timestamp};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{
    Direction, HistoryEntry, Phase, Stage, WorstLag, ZkMigrationStatus,
};
use mesolith_crds::{Reason, condition};
use std::time::Duration;

/// The moves that `after` has and `before` had not.
pub(super) fn moves<'a>(
    before: &ZkMigrationStatus,
    after: &'a ZkMigrationStatus,
) -> impl Iterator<Item = &'a HistoryEntry> {
    // One at a time, and at its limit the history loses its oldest entry with each.
    let moved = after.history.last() != before.history.last();
    after.history.last().filter(|_| moved).into_iter()
}

/// Brings the record up to date after a decision.
pub(super) fn account(
    object: &ZkMigration,
    before: &ZkMigrationStatus,
    after: &mut ZkMigrationStatus,
    world: &World,
) {
    let made = moves(before, after).next().cloned();
    if let Some(made) = &made {
        moved(before, after, made, world);
    }
    if object.spec.rollback.is_some() {
        after.timed_out = None; // from now on the spec says how far it goes back
    }
    if let (Some(since), false) = (paused_since(before), object.spec.paused) {
        resumed(after, since, world.now);
    }
    count(before, after, made.as_ref(), world);
}

/// Times, evidence and figures of a phase, and where counting begins.
fn moved(before: &ZkMigrationStatus, after: &mut ZkMigrationStatus, made: &HistoryEntry, world: &World) {
    let figures = || {
        world
            .measured
            .as_ref()
            .map(|measured| measured.figures(world.now))
    };
    if made.phase == Some(Phase::DeployZk) && made.reason == Reason::Started.as_str() {
        after.before = figures();
        after.tally = world.measured.as_ref().map(Measured::begin);
    }
    after.timed_out = match made.direction {
        Some(Direction::Back) if made.reason == Reason::TimedOut.as_str() => made.phase,
        Some(Direction::Back) => before.timed_out,
        Some(Direction::Forward) | None => None,
    };
    let evidence = before
        .evidence
        .clone()
        .filter(|evidence| evidence.phase == made.phase);
    let Some(phase) = after
        .phases
        .iter_mut()
        .find(|phase| Some(phase.name) == made.phase)
    else {
        return;
    };
    match (made.direction, made.stage) {
        (Some(Direction::Forward), Some(Stage::Acting | Stage::Verifying)) => {
            // Between the two its time goes on.
            let went_on = before.phase == made.phase
                && before.direction == made.direction
                && matches!(before.stage, Some(Stage::Acting | Stage::Verifying));
            if !went_on {
                phase.working_since.clone_from(&made.time);
            }
        }
        (Some(Direction::Forward), Some(Stage::Done)) => {
            phase.health_checks = evidence.map(|evidence| evidence.facts).unwrap_or_default();
            phase.after = figures();
        }
        (Some(Direction::Back), Some(Stage::Done)) => phase.after = figures(),
        _ => {}
    }
}

/// Since when it is paused.
fn paused_since(status: &ZkMigrationStatus) -> Option<Timestamp> {
    let paused = condition::find(&status.conditions, condition::PAUSED)?;
    Some(paused.last_transition_time.0)
}

/// The time of a pause does not count.
fn resumed(after: &mut ZkMigrationStatus, since: Timestamp, now: Timestamp) {
    let at = after.phase;
    let phase = after.phases.iter_mut().find(|phase| Some(phase.name) == at);
    let Some(began) = phase.and_then(|phase| phase.working_since.as_mut()) else {
        return;
    };
    let pause = now.duration_since(since.max(began.0)).max(SignedDuration::ZERO);
    let whole = SignedDuration::from_secs(pause.as_secs());
    began.0 = began.0.saturating_add(whole).unwrap_or(now).min(now);
}

/// Adds up what the leading masters count. What changes all the time is written when something else is.
fn count(
    before: &ZkMigrationStatus,
    after: &mut ZkMigrationStatus,
    made: Option<&HistoryEntry>,
    world: &World,
) {
    let (Some(known), Some(measured)) = (&after.tally, &world.measured) else {
        return;
    };
    let at = progress::record(after);
    if made.is_none() && (at.is_clean() || at.is_complete()) {
        return; // what happens to the cluster afterwards is not the migration's
    }
    let mut now = measured.add_to(known);
    let changed = now.leader != known.leader;
    if changed && !asked_for(before) {
        now.unexpected_leader_changes += 1;
    }
    let lag = world.sync.as_ref().and_then(|sync| sync.lag);
    now.worst_lag = worst(known.worst_lag, lag);
    if made.is_some()
        || changed
        || now.failed() != known.failed()
        || much_worse(known.worst_lag, now.worst_lag)
    {
        after.tally = Some(now);
    }
}

/// Whether the present phase moves the leader from one side to the other.
fn asked_for(status: &ZkMigrationStatus) -> bool {
    status.phase == Some(Phase::RetireMasters)
        && matches!(status.stage, Some(Stage::Acting | Stage::Verifying))
}

fn worst(known: Option<WorstLag>, lag: Option<Lag>) -> Option<WorstLag> {
    let Some(lag) = lag else { return known };
    let of = |lag: Duration, known: f64| known.max((lag.as_secs_f64() * 1e4).round() / 10.0);
    let known = known.unwrap_or_default();
    Some(WorstLag {
        p50_ms: of(lag.p50, known.p50_ms),
        p95_ms: of(lag.p95, known.p95_ms),
        p99_ms: of(lag.p99, known.p99_ms),
        max_ms: of(lag.max, known.max_ms),
    })
}

/// Half as much again, so that a lag that grows is written a few times and not each time.
fn much_worse(known: Option<WorstLag>, now: Option<WorstLag>) -> bool {
    let longest = |lag: Option<WorstLag>| lag.map_or(1.0, |lag| lag.max_ms.max(1.0));
    longest(now) > 1.5 * longest(known)
}

#[cfg(test)]
mod tests;
