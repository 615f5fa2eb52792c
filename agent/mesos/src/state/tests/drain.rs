//! Draining: what each task is told, and what its end is called.

use mesolith_proto::mesolith::session::v1::Drain;
use mesolith_proto::mesos::v1::{DrainConfig, TaskStatus, task_status};

use super::kill::{left, policy};
use super::*;

impl World {
    fn drain(&mut self, seconds: Option<u64>, mark_gone: bool) -> Vec<Effect> {
        let config = DrainConfig {
            max_grace_period: seconds.and_then(|s| policy(s).grace_period),
            mark_gone: Some(mark_gone),
        };
        self.master(from_master::Message::Drain(Drain { config: Some(config) }))
    }

    fn make_aware(&mut self) {
        let aware = framework_info::capability::Type::PartitionAware as i32;
        let framework = self.agent.frameworks.get_mut(F).unwrap();
        framework
            .capabilities
            .push(framework_info::Capability { r#type: Some(aware) });
    }

    /// The last status of a task.
    fn last(&self, task: &str) -> TaskStatus {
        self.agent.tasks[&key(task)].statuses.last().cloned().unwrap()
    }
}

#[rstest]
#[case::used_again(false, true, TaskState::TaskKilled)]
#[case::gone(true, true, TaskState::TaskGoneByOperator)]
#[case::gone_and_not_aware(true, false, TaskState::TaskKilled)]
fn the_end_of_a_drained_task_says_why(
    #[case] mark_gone: bool,
    #[case] aware: bool,
    #[case] state: TaskState,
) {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    if aware {
        world.make_aware();
    }
    let effects = world.drain(Some(40), mark_gone);
    assert_eq!(left(&effects, world.now), Some(40));
    assert_eq!(world.last("t").state(), TaskState::TaskKilling);
    assert_eq!(world.last("t").reason(), Reason::AgentDraining);
    // The reason outlives the agent.
    let (agent, _) = world.restarted();
    world.agent = agent;
    world.container("t", ContainerEvent::Exited(Exit::Signal(15)));
    let last = world.last("t");
    assert_eq!((last.state(), last.reason()), (state, Reason::AgentDraining));
    assert_eq!(last.message(), "Command terminated with signal Terminated");
}

#[test]
fn draining_again_shortens_and_changes_what_it_means() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.make_aware();
    world.drain(Some(40), false);
    world.now += 10;
    // Each registration brings the drain again: that moves nothing.
    assert_eq!(world.drain(Some(40), false), []);
    assert_eq!(left(&world.drain(Some(5), true), world.now), Some(5));
    world.container("t", ContainerEvent::Exited(Exit::Signal(9)));
    assert_eq!(world.last("t").state(), TaskState::TaskGoneByOperator);
}

#[test]
fn what_ended_by_itself_or_was_killed_before_is_not_called_drained() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.kill_within("t", Some(40));
    world.drain(Some(1), true);
    world.container("t", ContainerEvent::Exited(Exit::Signal(15)));
    let last = world.last("t");
    assert_eq!((last.state(), last.reason), (TaskState::TaskKilled, None));
    let effects = world.drain(None, true);
    assert_eq!(effects, [], "nothing is left to end");
}

#[test]
fn an_executor_is_told_the_bound_and_its_answer_is_called_drained() {
    let mut world = World::new();
    world.run(with_executor("t"));
    let executor = ExecutorKey {
        framework: F.into(),
        executor: "E".into(),
    };
    let subscribe = executor::call::Subscribe::default();
    world.step(Input::Executor(
        executor.clone(),
        ExecutorCall::Subscribe(subscribe),
    ));
    world.make_aware();
    let effects = world.drain(Some(7), true);
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Tell(_, event) => event.kill.clone(),
        _ => None,
    });
    assert_eq!(told.unwrap().kill_policy, Some(policy(7)));
    let killed = TaskStatus {
        task_id: TaskId { value: "t".into() },
        state: TaskState::TaskKilled as i32,
        reason: Some(task_status::Reason::TaskKilledDuringLaunch as i32),
        uuid: Some(vec![9; 16].into()),
        ..TaskStatus::default()
    };
    world.step(Input::Executor(executor, ExecutorCall::Update(killed.into())));
    let last = world.last("t");
    assert_eq!(
        (last.state(), last.reason()),
        (TaskState::TaskGoneByOperator, Reason::AgentDraining)
    );
}
