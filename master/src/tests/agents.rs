//! Agents that come, go silent, and come back.

use super::*;
use session::from_master::Message;

const ALL: &str = "cpus:4;mem:1024";

fn running() -> (World, Node, Scheduler) {
    let mut world = World::new();
    let (node, _) = world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &scheduler).remove(0);
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    world.update(&node, &scheduler, "t", v1::TaskState::TaskRunning, &[1; 16]);
    (world, node, scheduler)
}

fn reported(world: &World, scheduler: &Scheduler) -> v1::Task {
    world.state.task(scheduler.id.as_str(), "t").unwrap().wire.clone()
}

#[test]
fn pings_every_15_seconds_and_gives_up_after_75() {
    let (mut world, node, scheduler) = running();
    let pings = |effects: &[Effect]| {
        to_agent(effects, &node)
            .iter()
            .filter(|m| matches!(m, Message::Ping(_)))
            .count()
    };
    assert_eq!(pings(&world.pass(16)), 1);
    world.say(node.session, session::from_agent::Message::Pong(session::Pong {}));
    assert!(told(&world.pass(74), &scheduler).is_empty());
    let effects = world.pass(2);
    let lost = (
        "t".to_owned(),
        "TASK_UNREACHABLE",
        "health check timed out".to_owned(),
    );
    assert_eq!(told(&effects, &scheduler), [lost]);
    let order = kinds(&effects, &scheduler);
    assert_eq!(order[0], event::Type::Update);
    assert!(order.contains(&event::Type::Failure));
    assert!(world.state.agents.is_empty());
}

/// ZooKeeper was away for ten minutes, or the machine slept: the silence was the master's own.
#[test]
fn nobody_is_given_up_for_a_pause_of_the_master() {
    let (mut world, node, scheduler) = running();
    world.pass(10);
    world.now = world.now + Duration::from_secs(600);
    let effects = world.pass(60);
    assert!(told(&effects, &scheduler).is_empty());
    assert!(
        to_agent(&effects, &node)
            .iter()
            .any(|m| matches!(m, Message::Ping(_)))
    );
    // From then on silence counts again.
    assert_eq!(told(&world.pass(20), &scheduler)[0].1, "TASK_UNREACHABLE");
}

#[test]
fn an_unreachable_agent_comes_back_with_its_tasks() {
    let (mut world, node, scheduler) = running();
    let task = reported(&world, &scheduler);
    world.apply(Input::SessionClosed {
        session: node.session,
    });
    world.pass(80);
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![task], vec![]);
    let again = (
        "t".to_owned(),
        "TASK_RUNNING",
        "Unreachable agent re-reregistered".to_owned(),
    );
    assert_eq!(told(&effects, &scheduler), [again]);
    assert!(
        to_agent(&effects, &back)
            .iter()
            .any(|m| matches!(m, Message::UpdateFramework(_)))
    );
    assert_eq!(world.state.agents[&node.id].used_total().cpus(), 1.0);
    assert!(world.state.frameworks[&scheduler.id].unreachable_tasks.is_empty());
}

#[test]
fn a_launch_that_never_arrived_is_asked_about() {
    let (mut world, node, scheduler) = running();
    world.apply(Input::SessionClosed {
        session: node.session,
    });
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![], vec![]);
    let sent = to_agent(&effects, &back);
    let asked = sent.iter().find_map(|m| {
        if let Message::ReconcileTasks(ask) = m {
            Some(ask)
        } else {
            None
        }
    });
    assert_eq!(asked.unwrap().task_ids[0].value, "t");
    let effects = world.update(&back, &scheduler, "t", v1::TaskState::TaskDropped, &[9; 16]);
    assert_eq!(told(&effects, &scheduler)[0].1, "TASK_DROPPED");
    assert!(world.state.agents[&node.id].used.is_empty());
}

#[test]
fn a_new_master_learns_everything_from_agents() {
    let (old, node, scheduler) = running();
    let task = reported(&old, &scheduler);
    let info = old.state.frameworks[&scheduler.id].info.clone();
    let mut world = World::with(|config| config.master.id = "n".into());
    let (_, _) = world.reregister(node.id.as_str(), ALL, vec![task], vec![info.clone()]);
    let framework = &world.state.frameworks[&scheduler.id];
    assert!(framework.recovered && !framework.is_connected());
    assert_eq!(framework.tasks.len(), 1);
    // Nobody asked for the tasks to end: the framework is waited for as long as agents are.
    world.pass(70);
    let (again, _) = world.subscribe(info);
    assert_eq!(again.id, scheduler.id);
    assert!(!world.state.frameworks[&scheduler.id].recovered);
    assert_eq!(world.state.frameworks[&scheduler.id].tasks.len(), 1);
}

#[test]
fn an_agent_that_leaves_is_refused_if_it_comes_back() {
    let (mut world, node, scheduler) = running();
    let leave = session::Leave {
        reason: "Agent drained".into(),
    };
    let effects = world.say(node.session, session::from_agent::Message::Leave(leave));
    assert_eq!(
        told(&effects, &scheduler),
        [("t".to_owned(), "TASK_GONE", "Agent drained".to_owned())]
    );
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![], vec![]);
    assert!(matches!(to_agent(&effects, &back)[0], Message::ShutdownAgent(_)));
}

#[test]
fn tasks_of_a_framework_that_ended_meanwhile_are_shut_down() {
    let (mut world, node, scheduler) = running();
    let (task, info) = (
        reported(&world, &scheduler),
        world.state.frameworks[&scheduler.id].info.clone(),
    );
    world.apply(Input::SessionClosed {
        session: node.session,
    });
    world.apply(Input::Teardown {
        framework: scheduler.id.clone(),
    });
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![task], vec![info]);
    assert!(
        to_agent(&effects, &back)
            .iter()
            .any(|m| matches!(m, Message::ShutdownFramework(_)))
    );
    assert!(world.state.agents[&node.id].used.is_empty());
}
