//! Tables: what each input leads to in each state.

mod drain;
mod kill;
mod leaving;
mod refused;

use mesolith_proto::mesolith::session::v1::{
    Acknowledge, FrameworkMessage, KillTask, ReconcileTasks, Registered, RunTasks, ShutdownAgent,
    ShutdownFramework, from_agent, from_master,
};
use mesolith_proto::mesos::v1::{
    AgentId, AgentInfo, CommandInfo, ContainerInfo, Environment, ExecutorId, ExecutorInfo, FrameworkId,
    FrameworkInfo, HealthCheck, LinuxInfo, NetworkInfo, TaskId, TaskInfo, TaskState, container_info,
    environment, executor, framework_info, task_status::Reason,
};
use rstest::rstest;

use super::*;

/// A machine with a clock and predictable ids.
struct World {
    agent: Agent,
    ids: u128,
    /// Seconds since the epoch.
    now: u64,
}

const F: &str = "F";

impl World {
    fn new() -> Self {
        let offers = Offers {
            mesos: true,
            docker: Some(Ok(())),
        };
        let mut world = Self {
            agent: Agent::new(AgentInfo::default(), offers),
            ids: 0,
            now: 1_000,
        };
        world.master(from_master::Message::Registered(Registered {
            agent_id: Some(AgentId { value: "S".into() }),
            ..Registered::default()
        }));
        world
    }

    /// Takes an input in; its effects.
    fn step(&mut self, input: Input) -> Vec<Effect> {
        let ids = &mut self.ids;
        let mut uuid = || {
            *ids += 1;
            uuid::Uuid::from_u128(*ids)
        };
        let mut cx = Cx {
            now: Duration::from_secs(self.now),
            uuid: &mut uuid,
            effects: Vec::new(),
        };
        self.agent.step(input, &mut cx);
        cx.effects
    }

    fn master(&mut self, message: from_master::Message) -> Vec<Effect> {
        self.step(Input::Master(Box::new(message)))
    }

    fn run(&mut self, task: TaskInfo) -> Vec<Effect> {
        self.master(from_master::Message::RunTasks(RunTasks {
            framework: Some(framework()),
            tasks: vec![task],
            ..RunTasks::default()
        }))
    }

    fn kill(&mut self, task: &str) -> Vec<Effect> {
        self.kill_within(task, None)
    }

    /// Kills a task, with a grace of that many seconds if the kill brings one.
    fn kill_within(&mut self, task: &str, grace: Option<u64>) -> Vec<Effect> {
        self.master(from_master::Message::KillTask(KillTask {
            framework_id: Some(FrameworkId { value: F.into() }),
            task_id: Some(TaskId { value: task.into() }),
            kill_policy: grace.map(kill::policy),
        }))
    }

    /// The master says that the framework is gone for good.
    fn tear_down(&mut self) -> Vec<Effect> {
        self.master(from_master::Message::ShutdownFramework(ShutdownFramework {
            framework_id: Some(FrameworkId { value: F.into() }),
        }))
    }

    /// What a restarted agent makes of the checkpoints of this one.
    fn restarted(&self) -> (Agent, Vec<Effect>) {
        let before = &self.agent;
        let found = Checkpoint {
            agent: Some(before.info.clone()),
            frameworks: before.frameworks.values().cloned().collect(),
            tasks: before
                .tasks
                .keys()
                .map(|key| before.task_file(key).unwrap())
                .collect(),
            executors: before
                .executors
                .keys()
                .map(|key| before.executor_file(key).unwrap())
                .collect(),
        };
        let mut uuid = uuid::Uuid::nil;
        let mut cx = Cx {
            now: Duration::from_secs(self.now),
            uuid: &mut uuid,
            effects: Vec::new(),
        };
        let after = Agent::recover(before.info.clone(), before.offers.clone(), found, &mut cx);
        (after, cx.effects)
    }

    fn container(&mut self, task: &str, event: ContainerEvent) -> Vec<Effect> {
        let container = self.agent.tasks[&key(task)].container.clone();
        self.step(Input::Container(container, event))
    }

    fn state(&self, task: &str) -> TaskState {
        self.agent.tasks[&key(task)].state
    }

    /// Acknowledges everything that is pending of a task.
    fn acknowledge(&mut self, task: &str) -> Vec<Effect> {
        let mut last = Vec::new();
        while let Some(uuid) = {
            let next = self.agent.updates.pending(&key(task)).next();
            next.and_then(|s| s.uuid.clone())
        } {
            last = self.master(from_master::Message::Acknowledge(Acknowledge {
                framework_id: Some(FrameworkId { value: F.into() }),
                task_id: Some(TaskId { value: task.into() }),
                uuid,
            }));
        }
        last
    }

    /// A task in a state that a container can be in.
    fn with_task_in(state: TaskState) -> Self {
        let mut world = Self::new();
        world.run(task("t"));
        let until = |world: &mut Self, event| world.container("t", event);
        if state != TaskState::TaskStaging {
            until(&mut world, ContainerEvent::Prepared);
        }
        if !matches!(state, TaskState::TaskStaging | TaskState::TaskStarting) {
            until(&mut world, ContainerEvent::Started(Box::default()));
        }
        if state == TaskState::TaskKilling {
            world.kill("t");
        }
        assert_eq!(world.state("t"), state);
        world
    }
}

fn key(task: &str) -> TaskKey {
    TaskKey {
        framework: F.into(),
        task: task.into(),
    }
}

fn framework() -> FrameworkInfo {
    let killing = framework_info::capability::Type::TaskKillingState as i32;
    FrameworkInfo {
        id: Some(FrameworkId { value: F.into() }),
        capabilities: vec![framework_info::Capability {
            r#type: Some(killing),
        }],
        ..FrameworkInfo::default()
    }
}

fn task(id: &str) -> TaskInfo {
    TaskInfo {
        task_id: TaskId { value: id.into() },
        command: Some(CommandInfo {
            value: Some("true".into()),
            ..CommandInfo::default()
        }),
        ..TaskInfo::default()
    }
}

/// A native task with this container description.
fn in_container(container: ContainerInfo) -> TaskInfo {
    let container = ContainerInfo {
        r#type: container_info::Type::Mesos as i32,
        ..container
    };
    TaskInfo {
        container: Some(container),
        ..task("t")
    }
}

fn with_secret() -> CommandInfo {
    let variable = environment::Variable {
        name: "TOKEN".into(),
        r#type: Some(environment::variable::Type::Secret as i32),
        ..Default::default()
    };
    CommandInfo {
        value: Some("true".into()),
        environment: Some(Environment {
            variables: vec![variable],
        }),
        ..CommandInfo::default()
    }
}

fn with_executor(id: &str) -> TaskInfo {
    let executor = ExecutorInfo {
        executor_id: ExecutorId { value: "E".into() },
        command: Some(CommandInfo::default()),
        ..ExecutorInfo::default()
    };
    TaskInfo {
        executor: Some(executor),
        command: None,
        ..task(id)
    }
}

/// States that were sent, in order.
fn sent(effects: &[Effect]) -> Vec<TaskState> {
    let update = |effect: &Effect| match effect {
        Effect::Send(message) => match &**message {
            from_agent::Message::StatusUpdate(update) => Some(update.status.as_ref()?.state()),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(update).collect()
}

#[rstest]
#[case::staging_prepared(TaskState::TaskStaging, ContainerEvent::Prepared, TaskState::TaskStarting)]
#[case::staging_failed(TaskState::TaskStaging, ContainerEvent::LaunchFailed("x".to_owned().into()), TaskState::TaskFailed)]
#[case::staging_killed(
    TaskState::TaskStaging,
    ContainerEvent::Exited(Exit::BeforeStart),
    TaskState::TaskKilled
)]
#[case::starting_failed(TaskState::TaskStarting, ContainerEvent::LaunchFailed("x".to_owned().into()), TaskState::TaskFailed)]
#[case::running_prepared(TaskState::TaskRunning, ContainerEvent::Prepared, TaskState::TaskRunning)]
#[case::finished(
    TaskState::TaskRunning,
    ContainerEvent::Exited(Exit::Code(0)),
    TaskState::TaskFinished
)]
#[case::failed(
    TaskState::TaskRunning,
    ContainerEvent::Exited(Exit::Code(1)),
    TaskState::TaskFailed
)]
#[case::signalled(
    TaskState::TaskRunning,
    ContainerEvent::Exited(Exit::Signal(9)),
    TaskState::TaskFailed
)]
#[case::vanished(TaskState::TaskRunning, ContainerEvent::Exited(Exit::Unknown("x".into())), TaskState::TaskFailed)]
#[case::too_long(TaskState::TaskRunning, ContainerEvent::TooLong, TaskState::TaskKilling)]
#[case::killed(
    TaskState::TaskKilling,
    ContainerEvent::Exited(Exit::Code(0)),
    TaskState::TaskKilled
)]
#[case::killed_hard(
    TaskState::TaskKilling,
    ContainerEvent::Exited(Exit::Signal(9)),
    TaskState::TaskKilled
)]
#[case::oom_wins(TaskState::TaskKilling, ContainerEvent::Exited(Exit::OutOfMemory { limit_bytes: 1 }), TaskState::TaskFailed)]
fn transitions(#[case] from: TaskState, #[case] event: ContainerEvent, #[case] to: TaskState) {
    let mut world = World::with_task_in(from);
    world.container("t", event);
    assert_eq!(world.state("t"), to);
}

#[test]
fn a_launch_is_on_disk_before_it_happens_and_an_update_before_it_is_sent() {
    let mut world = World::new();
    let effects = world.run(task("t"));
    let saved = effects
        .iter()
        .position(|e| matches!(e, Effect::SaveTask(_)))
        .unwrap();
    let launched = effects
        .iter()
        .position(|e| matches!(e, Effect::Launch(_)))
        .unwrap();
    assert!(matches!(effects[0], Effect::SaveFramework(_)) && saved < launched);
    let effects = world.container("t", ContainerEvent::Prepared);
    assert!(
        matches!(&effects[..], [Effect::SaveTask(_), Effect::Send(_)]),
        "{effects:?}"
    );
}

#[test]
fn a_terminal_state_is_final_and_forgotten_once_acknowledged() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    world.container("t", ContainerEvent::Exited(Exit::Code(0)));
    world.container("t", ContainerEvent::Exited(Exit::Code(1)));
    assert!(world.kill("t").is_empty());
    assert_eq!(world.state("t"), TaskState::TaskFinished);
    let last = world.acknowledge("t");
    assert!(
        matches!(&last[..], [Effect::ForgetTask(..), Effect::ForgetFramework(_)]),
        "{last:?}"
    );
    assert!(world.agent.tasks.is_empty() && world.agent.frameworks.is_empty());
    assert_eq!(world.agent.completed.tasks().count(), 1);
}

#[test]
fn too_many_failed_checks_kill_and_say_unhealthy() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    let health = |healthy, kill| ContainerEvent::Health {
        healthy,
        kill,
        message: String::new(),
    };
    world.container("t", health(true, false));
    world.container("t", health(false, false));
    let killed = world.container("t", health(false, true));
    assert!(killed.iter().any(|e| matches!(e, Effect::Kill { .. })));
    world.container("t", ContainerEvent::Exited(Exit::Signal(15)));
    let task = &world.agent.tasks[&key("t")];
    let last = task.statuses.last().unwrap();
    assert_eq!((last.state(), last.healthy), (TaskState::TaskKilled, Some(false)));
}

#[test]
fn an_unknown_task_is_disowned() {
    let mut world = World::new();
    assert_eq!(sent(&world.kill("no")), [TaskState::TaskLost]);
    world.run(task("t"));
    let effects = world.master(from_master::Message::ReconcileTasks(ReconcileTasks {
        framework_id: Some(FrameworkId { value: F.into() }),
        task_ids: vec![TaskId { value: "t".into() }, TaskId { value: "no".into() }],
    }));
    assert_eq!(sent(&effects), [TaskState::TaskLost]);
}

#[test]
fn a_framework_that_is_gone_hears_nothing_more() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    let effects = world.tear_down();
    assert!(effects.iter().any(|e| matches!(e, Effect::Kill { .. })));
    let effects = world.container("t", ContainerEvent::Exited(Exit::Signal(15)));
    assert_eq!(sent(&effects), []);
    assert!(world.agent.tasks.is_empty() && world.agent.frameworks.is_empty());
}

#[test]
fn an_agent_that_must_go_stops_after_its_tasks() {
    let mut world = World::with_task_in(TaskState::TaskRunning);
    let go = from_master::Message::ShutdownAgent(ShutdownAgent {
        message: "gone".into(),
    });
    assert!(!world.master(go).iter().any(|e| matches!(e, Effect::Stop(_))));
    let last = world.container("t", ContainerEvent::Exited(Exit::Code(0)));
    assert!(last.contains(&Effect::Stop("gone".into())));
}

#[rstest]
#[case::bad_id(TaskInfo { task_id: TaskId { value: "../x".into() }, ..task("t") }, Reason::TaskInvalid)]
#[case::nothing_to_run(TaskInfo { command: None, ..task("t") }, Reason::TaskInvalid)]
#[case::image_without_docker(TaskInfo { container: Some(ContainerInfo {
    r#type: container_info::Type::Mesos as i32,
    mesos: Some(container_info::MesosInfo { image: Some(Default::default()) }),
    ..Default::default() }), ..task("t") }, Reason::ContainerLaunchFailed)]
#[case::network(in_container(ContainerInfo { network_infos: vec![NetworkInfo {
    name: Some("default".into()), ..Default::default() }], ..Default::default() }), Reason::ContainerLaunchFailed)]
#[case::port_mapping(in_container(ContainerInfo { network_infos: vec![NetworkInfo {
    port_mappings: vec![Default::default()], ..Default::default() }], ..Default::default() }), Reason::ContainerLaunchFailed)]
#[case::hostname(in_container(ContainerInfo { hostname: Some("h".into()), ..Default::default() }), Reason::ContainerLaunchFailed)]
#[case::terminal(in_container(ContainerInfo { tty_info: Some(Default::default()), ..Default::default() }), Reason::ContainerLaunchFailed)]
#[case::capabilities(in_container(ContainerInfo { linux_info: Some(LinuxInfo {
    effective_capabilities: Some(Default::default()), ..Default::default() }), ..Default::default() }), Reason::ContainerLaunchFailed)]
#[case::check(TaskInfo { check: Some(Default::default()), ..task("t") }, Reason::ContainerLaunchFailed)]
#[case::secret_in_a_check(TaskInfo { health_check: Some(HealthCheck { command: Some(with_secret()),
    ..Default::default() }), ..task("t") }, Reason::ContainerLaunchFailed)]
#[case::secret_of_an_executor(TaskInfo { executor: Some(ExecutorInfo { command: Some(with_secret()),
    ..with_executor("t").executor.unwrap() }), ..with_executor("t") }, Reason::ContainerLaunchFailed)]
fn refusals(#[case] task: TaskInfo, #[case] reason: Reason) {
    let mut world = World::new();
    let effects = world.run(task);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Launch(_))));
    let refused = world.agent.tasks.values().next().unwrap();
    assert!(refused.is_terminal());
    assert_eq!(refused.statuses[0].reason(), reason);
}

#[test]
fn tasks_wait_for_their_executor_and_share_it() {
    let mut world = World::new();
    let launches = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Launch(_))).count();
    assert_eq!(launches(&world.run(with_executor("a"))), 1);
    assert_eq!(launches(&world.run(with_executor("b"))), 0);
    let executor = ExecutorKey {
        framework: F.into(),
        executor: "E".into(),
    };
    let subscribe = ExecutorCall::Subscribe(executor::call::Subscribe::default());
    let told: Vec<_> = world
        .step(Input::Executor(executor.clone(), subscribe))
        .into_iter()
        .filter_map(|e| {
            if let Effect::Tell(_, event) = e {
                Some(event.r#type())
            } else {
                None
            }
        })
        .collect();
    use executor::event::Type;
    assert_eq!(told, [Type::Subscribed, Type::Launch, Type::Launch]);
    let killed = world.kill("a");
    assert!(
        killed
            .iter()
            .any(|e| matches!(e, Effect::Tell(_, event) if event.r#type() == Type::Kill))
    );
    let message = FrameworkMessage {
        framework_id: Some(FrameworkId { value: F.into() }),
        executor_id: Some(ExecutorId { value: "E".into() }),
        data: "hi".into(),
    };
    let told = world.master(from_master::Message::FrameworkMessage(message));
    assert!(matches!(&told[..], [Effect::Tell(..)]));
    let container = world.agent.executors[&executor].container.clone();
    world.step(Input::Container(container, ContainerEvent::Exited(Exit::Code(1))));
    assert_eq!(
        (world.state("a"), world.state("b")),
        (TaskState::TaskKilled, TaskState::TaskFailed)
    );
}

#[test]
fn a_kill_before_the_executor_came_ends_it() {
    let mut world = World::new();
    world.run(with_executor("a"));
    let effects = world.kill("a");
    assert_eq!(sent(&effects), [TaskState::TaskKilled]);
    assert!(effects.iter().any(|e| matches!(e, Effect::Kill { .. })));
}

#[rstest]
fn a_recovered_agent_is_the_same_agent(
    #[values(
        TaskState::TaskStaging,
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskKilling
    )]
    state: TaskState,
) {
    let mut world = World::with_task_in(state);
    world.run(with_executor("a"));
    let before = &world.agent;
    let (after, effects) = world.restarted();
    assert_eq!(after.tasks, before.tasks);
    assert_eq!(after.executors, before.executors);
    assert_eq!(after.frameworks, before.frameworks);
    for key in before.tasks.keys() {
        assert!(after.updates.pending(key).eq(before.updates.pending(key)));
    }
    let kinds: Vec<&Effect> = effects
        .iter()
        .filter(|e| !matches!(e, Effect::Launch(l) if l.adopt))
        .collect();
    match state {
        TaskState::TaskKilling => assert!(matches!(kinds[..], [Effect::Kill { .. }]), "{kinds:?}"),
        _ => assert!(kinds.is_empty(), "{kinds:?}"),
    }
}
