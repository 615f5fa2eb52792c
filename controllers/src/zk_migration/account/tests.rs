//! What a phase's time counts from, and which figures stay.

use super::*;
use crate::zk_migration::machine::{self, Cause, Decision, Leader, Record, SyncSeen};
use crate::zk_migration::progress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mesolith_crds::v1alpha1::ZkMigrationSpec;
use mesolith_crds::v1alpha1::mesos_cluster::ClusterSide;
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn measured(leader: &str, failed: u64) -> Measured {
    let metrics =
        json!({"master/tasks_running": 5, "master/tasks_failed": failed, "master/tasks_killed": failed});
    Measured::read(leader, &metrics, Duration::from_millis(3))
}

fn world(second: i64, measured: Measured) -> World {
    World {
        now: at(second),
        measured: Some(measured),
        ..World::default()
    }
}

/// The status after a decision, as a reconcile makes it.
fn after(
    object: &ZkMigration,
    before: &ZkMigrationStatus,
    decision: &Decision,
    world: &World,
) -> ZkMigrationStatus {
    let mut after = progress::after(before, decision, world);
    account(object, before, &mut after, world);
    after
}

fn to(phase: Phase, stage: Stage, direction: Direction, cause: Cause) -> Decision {
    Decision::Move {
        to: Record {
            phase,
            stage,
            direction,
            evidence: None,
        },
        cause,
        evidence: None,
    }
}

fn pause(since: i64) -> Condition {
    Condition {
        type_: "Paused".to_owned(),
        status: "True".to_owned(),
        reason: "Paused".to_owned(),
        message: String::new(),
        last_transition_time: Time(at(since)),
        observed_generation: None,
    }
}

#[test]
fn the_time_of_a_phase_leaves_out_pauses_and_approvals() {
    let object = ZkMigration::new("move", ZkMigrationSpec::default());
    let forward = |stage, cause| to(Phase::DeployZk, stage, Direction::Forward, cause);
    let seen = |second| world(second, measured("a", 0));
    let worked =
        |status: &ZkMigrationStatus, second| machine::worked(status, at(second)).map(|time| time.as_secs());
    let mut status = ZkMigrationStatus::default();
    status = after(
        &object,
        &status,
        &forward(Stage::Acting, Cause::Started),
        &seen(100),
    );
    assert_eq!(worked(&status, 150), Some(50));
    status = after(
        &object,
        &status,
        &forward(Stage::Verifying, Cause::Acted),
        &seen(150),
    );
    assert_eq!(worked(&status, 170), Some(70), "between the two it goes on");
    status = after(
        &object,
        &status,
        &forward(Stage::Acting, Cause::FellBack(Vec::new())),
        &seen(170),
    );
    assert_eq!(worked(&status, 200), Some(100));
    status.conditions.push(pause(200));
    status = after(&object, &status, &Decision::Wait(Vec::new()), &seen(1200));
    assert_eq!(worked(&status, 1210), Some(110), "a pause of 1000 s is left out");
    status.conditions.clear();
    status = after(
        &object,
        &status,
        &forward(Stage::AwaitingApproval, Cause::Verified),
        &seen(1300),
    );
    assert_eq!(worked(&status, 9000), None);
    status = after(
        &object,
        &status,
        &forward(Stage::Verifying, Cause::FellBack(Vec::new())),
        &seen(9000),
    );
    assert_eq!(
        worked(&status, 9010),
        Some(10),
        "the approval was waited for, not worked on"
    );
}

#[test]
fn a_timeout_is_remembered_until_it_goes_forward_or_a_person_says_how_far_back() {
    let mut object = ZkMigration::new("move", ZkMigrationSpec::default());
    let begun = ZkMigrationStatus::default();
    let seen = world(1, measured("a", 0));
    let timed_out = to(
        Phase::DeployMasters,
        Stage::Acting,
        Direction::Back,
        Cause::TimedOut,
    );
    let back = after(&object, &begun, &timed_out, &seen);
    assert_eq!(back.timed_out, Some(Phase::DeployMasters));
    let acted = to(
        Phase::DeployMasters,
        Stage::Verifying,
        Direction::Back,
        Cause::Acted,
    );
    let back = after(&object, &back, &acted, &seen);
    assert_eq!(back.timed_out, Some(Phase::DeployMasters));
    let forward = to(
        Phase::DeployZk,
        Stage::Verifying,
        Direction::Forward,
        Cause::TurnedForward,
    );
    assert_eq!(after(&object, &back, &forward, &seen).timed_out, None);
    object.spec.rollback = Some(Default::default());
    assert_eq!(after(&object, &back, &Decision::Rest, &seen).timed_out, None);
}

#[test]
fn figures_are_written_when_the_record_moves_or_a_task_fails() {
    let object = ZkMigration::new("move", ZkMigrationSpec::default());
    let led = |leader: &str, failed| World {
        leader: Some(Leader {
            side: ClusterSide::Source,
            address: leader.to_owned(),
            since: at(0),
        }),
        ..world(5, measured(leader, failed))
    };
    let wait = Decision::Wait(Vec::new());
    let started = to(Phase::DeployZk, Stage::Acting, Direction::Forward, Cause::Started);
    let begun = after(&object, &ZkMigrationStatus::default(), &started, &led("a", 7));
    assert_eq!(begun.before.as_ref().unwrap().tasks, Some(5));
    let failed_of = |status: &ZkMigrationStatus| status.tally.as_ref().unwrap().failed();
    assert_eq!(failed_of(&begun), 0);
    // Nothing fails: a wait writes nothing.
    let quiet = after(&object, &begun, &wait, &led("a", 7));
    assert_eq!(quiet.tally, begun.tally);
    let fails = after(&object, &begun, &wait, &led("a", 9));
    assert_eq!(failed_of(&fails), 2);
    // Another master leads, and no phase asked for it.
    let changed = after(&object, &fails, &wait, &led("b", 1));
    assert_eq!(failed_of(&changed), 3);
    assert_eq!(changed.tally.as_ref().unwrap().unexpected_leader_changes, 1);
    let retire = to(
        Phase::RetireMasters,
        Stage::Acting,
        Direction::Forward,
        Cause::Started,
    );
    let moving = after(&object, &changed, &retire, &led("b", 1));
    let asked = after(&object, &moving, &wait, &led("c", 0));
    assert_eq!(asked.tally.as_ref().unwrap().unexpected_leader_changes, 1);
    let done = to(
        Phase::RetireMasters,
        Stage::Done,
        Direction::Forward,
        Cause::OpenedByItself,
    );
    let done = after(&object, &asked, &done, &led("c", 0));
    let phase = done
        .phases
        .iter()
        .find(|phase| phase.name == Phase::RetireMasters)
        .unwrap();
    assert_eq!(phase.after.as_ref().unwrap().tasks, Some(5));
}

#[test]
fn a_lag_that_grows_is_written_a_few_times() {
    let object = ZkMigration::new("move", ZkMigrationSpec::default());
    let started = to(Phase::DeployZk, Stage::Acting, Direction::Forward, Cause::Started);
    let mut status = after(
        &object,
        &ZkMigrationStatus::default(),
        &started,
        &world(0, measured("a", 0)),
    );
    let mut writes = 0;
    for millis in 1..=1000 {
        let lag = Lag {
            max: Duration::from_millis(millis),
            ..Lag::default()
        };
        let world = World {
            sync: Some(SyncSeen {
                lag: Some(lag),
                ..SyncSeen::default()
            }),
            ..world(1, measured("a", 0))
        };
        let next = after(&object, &status, &Decision::Wait(Vec::new()), &world);
        writes += u32::from(next.tally != status.tally);
        status = next;
    }
    let worst = status.tally.unwrap().worst_lag.unwrap();
    assert!(
        worst.max_ms > 650.0 && writes < 20,
        "{worst:?} in {writes} writes"
    );
}
