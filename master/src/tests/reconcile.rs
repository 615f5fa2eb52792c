//! The table of what RECONCILE answers.

use super::*;

fn explicit(
    world: &mut World,
    scheduler: &Scheduler,
    task: &str,
    agent: Option<&str>,
) -> Vec<(&'static str, String)> {
    let named = call::reconcile::Task {
        task_id: v1::TaskId { value: task.into() },
        agent_id: agent.map(|id| v1::AgentId { value: id.into() }),
    };
    let effects = world.call(scheduler, call::Type::Reconcile, |call| {
        call.reconcile = Some(call::Reconcile { tasks: vec![named] });
    });
    told(&effects, scheduler)
        .into_iter()
        .map(|(_, state, message)| (state, message))
        .collect()
}

#[test]
fn answers_follow_the_table() {
    let mut world = World::new();
    let (node, _) = world.agent("cpus:4;mem:1024");
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &scheduler).remove(0);
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    let agent = node.id.to_string();
    let answer = |state, message: &str| vec![(state, format!("Reconciliation: {message}"))];
    assert_eq!(
        explicit(&mut world, &scheduler, "t", None),
        answer("TASK_STAGING", "Latest task state")
    );
    assert_eq!(
        explicit(&mut world, &scheduler, "x", None),
        answer("TASK_UNKNOWN", "Task is unknown")
    );
    let gone = answer("TASK_GONE", "Task is unknown to the agent");
    assert_eq!(explicit(&mut world, &scheduler, "x", Some(&agent)), gone);
    assert_eq!(
        explicit(&mut world, &scheduler, "x", Some("m-S77")),
        answer("TASK_UNKNOWN", "Task is unknown")
    );

    world.apply(Input::SessionClosed {
        session: node.session,
    });
    world.pass(80);
    let unreachable = answer("TASK_UNREACHABLE", "Task is unreachable");
    assert_eq!(explicit(&mut world, &scheduler, "t", Some(&agent)), unreachable);
    // Without the agent's id the master does not look at unreachable ones.
    assert_eq!(
        explicit(&mut world, &scheduler, "t", None),
        answer("TASK_UNKNOWN", "Task is unknown")
    );
    let implicit = world.call(&scheduler, call::Type::Reconcile, |call| {
        call.reconcile = Some(Default::default())
    });
    assert!(told(&implicit, &scheduler).is_empty());
}

#[test]
fn after_a_failover_silence_until_agents_had_time_to_return() {
    let mut world = World::new();
    let info = v1::FrameworkInfo {
        id: Some(v1::FrameworkId {
            value: "before-0001".into(),
        }),
        ..aware(&["*"])
    };
    let (scheduler, _) = world.subscribe(info);
    assert!(explicit(&mut world, &scheduler, "t", Some("before-S1")).is_empty());
    assert!(explicit(&mut world, &scheduler, "t", None).is_empty());
    world.pass(600);
    assert_eq!(
        explicit(&mut world, &scheduler, "t", Some("before-S1"))[0].0,
        "TASK_UNKNOWN"
    );
}

#[test]
fn a_kill_of_an_unknown_task_is_answered_like_a_reconciliation() {
    let mut world = World::new();
    let (scheduler, _) = world.subscribe(aware(&["*"]));
    let kill = call::Kill {
        task_id: v1::TaskId { value: "x".into() },
        ..Default::default()
    };
    let effects = world.call(&scheduler, call::Type::Kill, |call| call.kill = Some(kill));
    assert_eq!(told(&effects, &scheduler)[0].1, "TASK_UNKNOWN");
}
