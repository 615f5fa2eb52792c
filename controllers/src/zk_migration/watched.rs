//! From what is seen to the facts that metrics and alerts are made of. Pure.
//!
//! A kind of member that a phase is starting or stopping has no figures: that three new servers have no quorum yet is
//! what the phase waits for, and nothing that anybody should be called for.

use super::alerts::Watched;
use super::machine::{Record, World};
use super::measure::agents_lost;
use super::metrics::{ClusterFigures, Figures};
use super::progress;
use jiff::Timestamp;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, MemberCounts, SideCounts};
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, PhaseStatus, Stage, Tally, ZkMigrationStatus};
use std::time::Duration;

/// The facts of a migration after a decision; of one that has nothing to watch, none.
pub(super) fn watched(status: &ZkMigrationStatus, world: &World, stalled: bool) -> Watched {
    let at = progress::record(status);
    if at.is_clean() {
        return Watched::default();
    }
    let approval = status
        .since
        .as_ref()
        .filter(|_| at.stage == Stage::AwaitingApproval);
    Watched {
        figures: figures(status, &at, world, stalled),
        phase: Some(at.phase),
        lag_p95: world.sync.as_ref().map(|sync| sync.lag_p95),
        sync_failed: world.sync.as_ref().and_then(|sync| sync.failed.clone()),
        conflicts: world.sync.as_ref().map(|sync| sync.conflicts),
        awaits_approval: approval.map(|since| between(since.0, world.now)),
    }
}

fn figures(status: &ZkMigrationStatus, at: &Record, world: &World, stalled: bool) -> Figures {
    let sides = world.sides.as_ref();
    let source = sides.map(|sides| &sides.source);
    let target = sides.map(|sides| &sides.target);
    let masters = members(at, source, target, ComponentKind::Master, |side| &side.masters);
    let agents = members(at, source, target, ComponentKind::Agent, |side| &side.agents);
    let measured = world.measured.as_ref();
    let tally = status.tally.as_ref();
    let mut figures = Figures {
        phase: at.phase.number(),
        phase_durations: status
            .phases
            .iter()
            .filter_map(|phase| Some((phase.id, duration(phase, world.now)?)))
            .collect(),
        stalled,
        rolling_back: at.direction == Direction::Back,
        sync_engine: world.form.as_ref().is_some_and(|form| form.sync.is_some()),
        a: side(at, source, ClusterSide::Source),
        b: side(at, target, ClusterSide::Target),
        mesos_leader: sides.map(|_| world.leader.is_some()),
        unexpected_leader_changes: tally.map_or(0, |tally| number(tally.unexpected_leader_changes)),
        masters_expected: masters.map(|(_, expected)| expected),
        masters_up: masters.map(|(up, _)| up),
        tasks_failed: tally.map(Tally::failed),
        agents_expected: agents.map(|(_, expected)| expected),
        agents_missing: agents.map(|(up, expected)| expected.saturating_sub(up)),
        agents_lost: tally.map_or(0, agents_lost),
        frameworks_disconnected: measured.and_then(|measured| measured.frameworks_disconnected),
    };
    // The leader counts for both sides together; as long as one of them has no agents, it is all of the other's.
    let agents_of = |side: Option<&SideCounts>| side.map(|side| (side.agents.desired, side.agents_left));
    let one = match (agents_of(source), agents_of(target)) {
        (Some(_), Some((0, 0))) => Some((&mut figures.a, &mut figures.b)),
        (Some((0, 0)), Some(_)) => Some((&mut figures.b, &mut figures.a)),
        _ => None,
    };
    if let (Some((all, none)), Some(measured)) = (one, measured) {
        all.tasks = measured.tasks;
        all.utilization.clone_from(&measured.utilization);
        none.tasks = measured.tasks.map(|_| 0);
    } else if let Some(tasks) = &status.tasks {
        figures.a.tasks = Some(number(tasks.source));
        figures.b.tasks = Some(number(tasks.target));
    }
    figures
}

fn side(at: &Record, counts: Option<&SideCounts>, which: ClusterSide) -> ClusterFigures {
    let zookeeper = counts.filter(|_| settled(at, which, ComponentKind::ZooKeeper));
    ClusterFigures {
        agents: counts.map(|side| number(side.agents.ready.into())),
        zookeeper_quorum: zookeeper
            .filter(|side| side.zookeeper.desired > 0)
            .map(|side| 2 * side.zookeeper.ready > side.zookeeper.desired),
        ..ClusterFigures::default()
    }
}

/// Members that work and that should, of the sides on which no phase changes them now.
fn members(
    at: &Record,
    source: Option<&SideCounts>,
    target: Option<&SideCounts>,
    kind: ComponentKind,
    of: fn(&SideCounts) -> &MemberCounts,
) -> Option<(u64, u64)> {
    let both = [(source?, ClusterSide::Source), (target?, ClusterSide::Target)];
    let counted = both.into_iter().filter(|(_, side)| settled(at, *side, kind));
    let counts = counted.map(|(side, _)| of(side));
    Some(counts.fold((0, 0), |(up, expected), counts| {
        (
            up + number(counts.ready.into()),
            expected + number(counts.desired.into()),
        )
    }))
}

/// Whether members of this kind on this side are as they should stay: no phase starts or stops them now.
fn settled(at: &Record, side: ClusterSide, kind: ComponentKind) -> bool {
    use ClusterSide::{Source, Target};
    use ComponentKind::{Agent, Master, ZooKeeper};
    let changing = match (side, kind) {
        (Target, ZooKeeper) => Phase::DeployZk,
        (Target, Master) => Phase::DeployMasters,
        (Source, Master) => Phase::RetireMasters,
        (Target, Agent) => Phase::DeployAgents,
        (Source, Agent) => Phase::DrainAgents,
        (Source, ZooKeeper) => Phase::RemoveZk,
    };
    let under_way = at.direction == Direction::Back || matches!(at.stage, Stage::Acting | Stage::Verifying);
    at.phase != changing || !under_way
}

/// Time spent in a phase so far.
fn duration(phase: &PhaseStatus, now: Timestamp) -> Option<Duration> {
    let started = phase.started_at.as_ref()?.0;
    let ended = phase.completed_at.as_ref().map_or(now, |time| time.0);
    Some(between(started, ended))
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn number(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::machine::SeenSides;
    use super::*;
    use rstest::rstest;

    fn status(phase: Phase, stage: Stage, direction: Direction) -> ZkMigrationStatus {
        ZkMigrationStatus {
            phase: Some(phase),
            stage: Some(stage),
            direction: Some(direction),
            ..ZkMigrationStatus::default()
        }
    }

    /// All of A serves, nothing of B does though three of each are asked for.
    fn world() -> World {
        let side = |side, ready| SideCounts {
            side,
            zookeeper: MemberCounts::new(ready, 3),
            masters: MemberCounts::new(ready, 3),
            agents: MemberCounts::new(ready, 3),
            ..SideCounts::default()
        };
        World {
            sides: Some(SeenSides {
                source: side(ClusterSide::Source, 3),
                target: side(ClusterSide::Target, 0),
            }),
            ..World::default()
        }
    }

    #[rstest]
    #[case::before_the_start(Phase::DeployZk, Stage::Preflight, Direction::Forward, None, None, None)]
    #[case::b_is_being_started(Phase::DeployZk, Stage::Acting, Direction::Forward, Some(true), None, Some((3, 6)))]
    #[case::b_should_serve(
        Phase::DeployZk, Stage::AwaitingApproval, Direction::Forward, Some(true), Some(false), Some((3, 6))
    )]
    #[case::b_is_being_stopped(Phase::DeployZk, Stage::Verifying, Direction::Back, Some(true), None, Some((3, 6)))]
    #[case::masters_b_are_being_started(
        Phase::DeployMasters, Stage::Acting, Direction::Forward, Some(true), Some(false), Some((3, 3))
    )]
    #[case::masters_a_are_being_stopped(
        Phase::RetireMasters, Stage::Acting, Direction::Forward, Some(true), Some(false), Some((0, 3))
    )]
    #[case::a_is_being_stopped(
        Phase::RemoveZk, Stage::Acting, Direction::Forward, None, Some(false), Some((3, 6))
    )]
    fn what_a_phase_is_starting_or_stopping_is_nobodys_trouble(
        #[case] phase: Phase,
        #[case] stage: Stage,
        #[case] direction: Direction,
        #[case] a: Option<bool>,
        #[case] b: Option<bool>,
        #[case] masters: Option<(u64, u64)>,
    ) {
        let figures = watched(&status(phase, stage, direction), &world(), false).figures;
        assert_eq!((figures.a.zookeeper_quorum, figures.b.zookeeper_quorum), (a, b));
        assert_eq!(figures.masters_up.zip(figures.masters_expected), masters);
    }
}
