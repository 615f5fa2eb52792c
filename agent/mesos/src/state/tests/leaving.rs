//! An agent on its way out of its cluster.

use mesolith_proto::mesos::v1::MasterInfo;

use super::kill::{left as seconds_left, policy};

use super::*;

/// A world with a master, and a running task whose grace is that many seconds.
fn world(grace: u64) -> World {
    let mut world = World::new();
    world.agent.master = Some(MasterInfo::default());
    world.run(TaskInfo {
        kill_policy: Some(policy(grace)),
        ..task("t")
    });
    world.container("t", ContainerEvent::Prepared);
    world.container("t", ContainerEvent::Started(Box::default()));
    world.acknowledge("t");
    world
}

fn leave(world: &mut World) -> Vec<Effect> {
    world.step(Input::Leave { no_docker: None })
}

fn says_leave(effects: &[Effect]) -> bool {
    let leave = |effect: &Effect| match effect {
        Effect::Send(message) => matches!(**message, from_agent::Message::Leave(_)),
        _ => false,
    };
    effects.iter().any(leave)
}

fn left(effects: &[Effect]) -> bool {
    effects.contains(&Effect::Left)
}

#[test]
fn tasks_end_with_their_grace_then_the_master_is_told_then_the_agent_is_gone() {
    let mut world = world(40);
    let effects = leave(&mut world);
    assert_eq!(seconds_left(&effects, world.now), Some(40));
    assert_eq!(sent(&effects), [TaskState::TaskKilling]);
    let told = world.agent.departure().unwrap();
    assert_eq!((told.tasks, told.ends_by, told.left), (1, 1_040, false));
    assert_eq!(leave(&mut world), [], "asked again");

    let effects = world.run(task("late"));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Launch(_))));
    assert_eq!(
        world.agent.tasks[&key("late")].statuses[0].reason(),
        Reason::AgentRemoved
    );
    assert!(world.agent.tasks[&key("late")].is_terminal());
    world.acknowledge("late");

    world.acknowledge("t");
    let effects = world.container("t", ContainerEvent::Exited(Exit::Signal(15)));
    assert_eq!(sent(&effects), [TaskState::TaskKilled]);
    assert!(!says_leave(&effects), "its end has not been seen yet");
    assert_eq!(world.agent.departure().unwrap().tasks, 0);
    let effects = world.acknowledge("t");
    assert!(says_leave(&effects) && !left(&effects));
    assert!(left(&world.step(Input::SessionClosed)));
}

#[test]
fn an_executor_takes_its_tasks_along() {
    let mut world = World::new();
    world.agent.master = Some(MasterInfo::default());
    world.run(with_executor("t"));
    let effects = leave(&mut world);
    let container = world.agent.tasks[&key("t")].container.clone();
    assert_eq!(seconds_left(&effects, world.now), Some(5));
    assert_eq!(world.agent.departure().unwrap().tasks, 1);
    let exited = ContainerEvent::Exited(Exit::Signal(15));
    let effects = world.step(Input::Container(container, exited));
    assert_eq!(sent(&effects), [TaskState::TaskKilled]);
    assert!(says_leave(&world.acknowledge("t")));
}

#[test]
fn without_a_master_it_does_not_wait_long() {
    let mut world = world(0);
    world.step(Input::SessionClosed);
    leave(&mut world);
    assert!(!left(
        &world.container("t", ContainerEvent::Exited(Exit::Signal(9)))
    ));
    let deadline = world.agent.deadline().unwrap().as_secs();
    assert!(deadline <= world.now + 20, "{deadline}");
    world.now = deadline;
    let effects = world.step(Input::Tick);
    assert!(left(&effects) && !says_leave(&effects));
    assert_eq!(world.step(Input::Tick), []);
}

#[test]
fn a_master_that_never_answers_is_told_all_the_same() {
    let mut world = world(0);
    leave(&mut world);
    world.container("t", ContainerEvent::Exited(Exit::Signal(9)));
    world.now += 60;
    assert!(says_leave(&world.step(Input::Tick)));
    world.now += 60;
    assert!(left(&world.step(Input::Tick)));
}

#[test]
fn an_agent_that_no_master_knows_is_gone_at_once() {
    let mut world = World::new();
    world.agent.info.id = None;
    assert_eq!(leave(&mut world), [Effect::Left]);
}

/// The master has removed the agent already: it would not listen.
#[test]
fn an_agent_that_its_master_tells_to_go_leaves_as_well() {
    let mut world = world(0);
    leave(&mut world);
    let go = ShutdownAgent {
        message: "gone".into(),
    };
    let effects = world.master(from_master::Message::ShutdownAgent(go));
    assert!(!left(&effects), "its task runs");
    let effects = world.container("t", ContainerEvent::Exited(Exit::Signal(9)));
    assert!(left(&effects) && !effects.iter().any(|e| matches!(e, Effect::Stop(_))));
}

/// The master is not told, and the checkpoints stay.
#[test]
fn with_containers_that_cannot_be_ended_it_stays_on_record() {
    let mut world = world(0);
    let why = "no engine".to_owned();
    let no_docker = Some(why.clone());
    world.step(Input::Leave { no_docker });
    let effects = world.container("t", ContainerEvent::Exited(Exit::Signal(9)));
    assert!(effects.contains(&Effect::Held(why.clone())) && !says_leave(&effects) && !left(&effects));
    assert_eq!(world.agent.departure().unwrap().no_docker, Some(why));
}
