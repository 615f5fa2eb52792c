//! What is refused leaves nothing behind, and is told in Mesos' words.

use mesolith_proto::mesolith::session::v1::ShutdownExecutor;
use mesolith_proto::mesos::v1::container_info::{DockerInfo, docker_info};

use super::*;

/// Executors that were reported gone.
fn exited(effects: &[Effect]) -> Vec<String> {
    let message = |effect: &Effect| match effect {
        Effect::Send(message) => match &**message {
            from_agent::Message::ExecutorExited(exited) => exited.executor_id.clone(),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(message).map(|id| id.value).collect()
}

#[test]
fn an_executor_that_is_refused_does_not_stay_charged() {
    let mut world = World::new();
    let mut in_a_container = with_executor("a");
    in_a_container.executor.as_mut().unwrap().container = Some(ContainerInfo::default());
    assert_eq!(exited(&world.run(in_a_container)), ["E"]);
    let group = RunTasks {
        framework: Some(framework()),
        tasks: vec![task("b"), task("c")],
        group: true,
        executor: with_executor("b").executor,
        ..RunTasks::default()
    };
    let effects = world.master(from_master::Message::RunTasks(group));
    assert_eq!(sent(&effects), [TaskState::TaskError, TaskState::TaskError]);
    assert_eq!(exited(&effects), ["E"]);
    // The next task starts it, and a refused one beside it does not take it away.
    assert_eq!(exited(&world.run(with_executor("d"))), [""; 0]);
    assert_eq!(exited(&world.run(with_executor("a/b"))), [""; 0]);
}

#[test]
fn an_executor_that_the_master_takes_to_be_running_is_not_started_again() {
    let mut world = World::new();
    let run = RunTasks {
        framework: Some(framework()),
        tasks: vec![with_executor("a")],
        running_executors: vec![ExecutorId { value: "E".into() }],
        ..RunTasks::default()
    };
    let effects = world.master(from_master::Message::RunTasks(run));
    assert_eq!(sent(&effects), [TaskState::TaskLost]);
    assert_eq!(exited(&effects), [""; 0]);
    assert!(world.agent.executors.is_empty());
}

#[test]
fn a_shut_down_executor_ends_with_its_tasks_and_an_unknown_one_is_reported_gone() {
    let mut world = World::new();
    let shutdown = || {
        from_master::Message::ShutdownExecutor(ShutdownExecutor {
            framework_id: Some(FrameworkId { value: F.into() }),
            executor_id: Some(ExecutorId { value: "E".into() }),
        })
    };
    assert_eq!(exited(&world.master(shutdown())), ["E"]);
    world.run(with_executor("a"));
    let effects = world.master(shutdown());
    assert_eq!(exited(&effects), [""; 0]);
    assert!(effects.iter().any(|e| matches!(e, Effect::Kill { .. })));
    let container = world.agent.executors.values().next().unwrap().container.clone();
    let effects = world.step(Input::Container(
        container,
        ContainerEvent::Exited(Exit::Signal(9)),
    ));
    assert_eq!(exited(&effects), ["E"]);
    assert_eq!(world.state("a"), TaskState::TaskKilled);
}

#[rstest]
#[case::host(docker_info::Network::Host, "default", Some("host"))]
#[case::bridge(docker_info::Network::Bridge, "default", Some("bridge"))]
#[case::its_own_name(docker_info::Network::Bridge, "bridge", None)]
#[case::user(docker_info::Network::User, "default", None)]
fn a_network_that_a_docker_container_would_not_be_in_is_refused(
    #[case] network: docker_info::Network,
    #[case] name: &str,
    #[case] refused_for: Option<&str>,
) {
    let mut world = World::new();
    let container = ContainerInfo {
        r#type: container_info::Type::Docker as i32,
        docker: Some(DockerInfo {
            network: Some(network as i32),
            ..DockerInfo::default()
        }),
        network_infos: vec![NetworkInfo {
            name: Some(name.into()),
            ..NetworkInfo::default()
        }],
        ..ContainerInfo::default()
    };
    world.run(TaskInfo {
        container: Some(container),
        ..task("a")
    });
    let status = world.agent.tasks[&key("a")].statuses.first();
    let message = refused_for.map(|mode| {
        format!(
            "network_infos asks for network 'default' and docker.network for {mode}: set docker.network to USER"
        )
    });
    assert_eq!(status.map(|s| s.message().to_owned()), message);
    assert_eq!(
        status.map(|s| s.reason()),
        refused_for.map(|_| Reason::ContainerLaunchFailed)
    );
}
