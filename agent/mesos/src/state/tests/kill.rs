//! Deadlines of what was asked to end.

use mesolith_proto::mesos::v1::{DurationInfo, KillPolicy, executor};

use super::*;

pub(super) fn policy(seconds: u64) -> KillPolicy {
    let nanoseconds = i64::try_from(seconds * 1_000_000_000).unwrap();
    KillPolicy {
        grace_period: Some(DurationInfo { nanoseconds }),
    }
}

/// Seconds to the deadline of the kill among the effects.
pub(super) fn left(effects: &[Effect], now: u64) -> Option<u64> {
    let kill = |effect: &Effect| match effect {
        Effect::Kill { deadline, .. } => Some(deadline.remaining(Duration::from_secs(now)).as_secs()),
        _ => None,
    };
    effects.iter().find_map(kill)
}

/// The graces, in seconds, of the kills that an executor is told of.
fn told(effects: &[Effect]) -> Vec<Option<i64>> {
    let kill = |effect: &Effect| match effect {
        Effect::Tell(_, event) => event.kill.clone(),
        _ => None,
    };
    let grace = |policy: KillPolicy| policy.grace_period.map(|g| g.nanoseconds / 1_000_000_000);
    let kills = effects.iter().filter_map(kill);
    kills.map(|kill| kill.kill_policy.and_then(grace)).collect()
}

#[test]
fn a_kill_is_announced_once_and_repeating_it_does_not_start_its_grace_anew() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.acknowledge("t");
    let first = world.kill_within("t", Some(40));
    assert_eq!(sent(&first), [TaskState::TaskKilling]);
    assert_eq!(left(&first, 1_000), Some(40));
    world.now = 1_030;
    assert_eq!(world.kill_within("t", Some(40)), []);
    // The grace of the kill is not the task's, and counts on after a restart of the agent.
    assert_eq!(left(&world.restarted().1, world.now), Some(10));
    let shorter = world.kill("t");
    assert_eq!(left(&shorter, world.now), Some(3));
    assert_eq!(sent(&shorter), []);
    world.now = 1_031;
    assert_eq!(left(&world.restarted().1, world.now), Some(2));
    world.now = 5_000;
    assert_eq!(left(&world.restarted().1, world.now), Some(0));
    assert_eq!(world.kill_within("t", Some(0)), []);
}

#[test]
fn a_framework_that_goes_only_shortens_a_kill_under_way() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.kill_within("t", Some(1));
    assert_eq!(left(&world.tear_down(), world.now), None);
    assert!(world.agent.tasks[&key("t")].silent);
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.kill_within("t", Some(60));
    assert_eq!(left(&world.tear_down(), world.now), Some(3));
}

#[test]
fn an_executor_hears_of_a_kill_once_and_again_when_it_was_away() {
    let mut world = World::new();
    let mut task = with_executor("a");
    if let Some(executor) = &mut task.executor {
        executor.shutdown_grace_period = policy(20).grace_period;
    }
    world.run(task);
    let executor = ExecutorKey {
        framework: F.into(),
        executor: "E".into(),
    };
    let subscribe = || ExecutorCall::Subscribe(executor::call::Subscribe::default());
    world.step(Input::Executor(executor.clone(), subscribe()));
    assert_eq!(told(&world.kill_within("a", Some(40))), [Some(40)]);
    world.now += 30;
    assert_eq!(world.kill_within("a", Some(40)), []);
    assert_eq!(told(&world.kill_within("a", Some(5))), [Some(5)]);
    world.step(Input::Executor(executor.clone(), ExecutorCall::Disconnected));
    world.now += 2;
    let again = world.step(Input::Executor(executor, subscribe()));
    assert_eq!(told(&again), [Some(3)]);

    // The end of the executor itself is absolute as well, and has its own grace.
    assert_eq!(left(&world.tear_down(), world.now), Some(20));
    world.now += 15;
    assert_eq!(left(&world.tear_down(), world.now), None);
    assert_eq!(left(&world.restarted().1, world.now), Some(5));
}
