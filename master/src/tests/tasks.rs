//! Launching, updating, killing, ending.

use v1::scheduler::call;

use super::*;

fn ready() -> (World, Node, Scheduler, v1::Offer) {
    let mut world = World::new();
    let (node, _) = world.agent("cpus:4;mem:1024");
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &scheduler).remove(0);
    (world, node, scheduler, offer)
}

#[test]
fn a_task_goes_to_its_agent_with_the_role_it_was_offered_in() {
    let (mut world, node, scheduler, offer) = ready();
    let effects = world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    let sent = to_agent(&effects, &node);
    let [session::from_master::Message::RunTasks(run)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(
        run.tasks[0].resources[0].allocation_info.as_ref().unwrap().role(),
        "*"
    );
    assert_eq!(
        run.framework.as_ref().unwrap().id.as_ref().unwrap().value,
        scheduler.id.as_str()
    );
    assert_eq!(world.state.agents[&node.id].used_total().cpus(), 1.0);
}

#[test]
fn what_is_wrong_with_a_launch_is_told_in_mesos_words() {
    let (mut world, node, scheduler, offer) = ready();
    let good = task("t", &node.id, "cpus:1;mem:32");
    let greedy = task("greedy", &node.id, "cpus:1000;mem:32");
    let effects = world.launch(
        &scheduler,
        &[&offer],
        vec![good.clone(), good, greedy, task("none", &node.id, "")],
    );
    let said: Vec<_> = told(&effects, &scheduler)
        .into_iter()
        .map(|(id, state, message)| format!("{id} {state} {message}"))
        .collect();
    assert_eq!(
        said,
        [
            "t TASK_ERROR Task has duplicate ID: t",
            "greedy TASK_ERROR Total resources cpus(allocated: *):1000; mem(allocated: *):32 required by task and its \
             executor is more than available cpus(allocated: *):3; mem(allocated: *):992",
            "none TASK_ERROR Task uses no resources",
        ]
    );
    let used = world.launch(&scheduler, &[&offer], vec![task("late", &node.id, "cpus:1")]);
    let dropped = (
        "late".to_owned(),
        "TASK_DROPPED",
        format!(
            "Task launched with invalid offers: Offer {} is no longer valid",
            offer.id.value
        ),
    );
    assert_eq!(told(&used, &scheduler), [dropped]);
}

#[test]
fn an_offer_named_twice_is_invalid_and_comes_back() {
    let (mut world, node, scheduler, offer) = ready();
    let effects = world.launch(&scheduler, &[&offer, &offer], vec![task("t", &node.id, "cpus:1")]);
    let message = &told(&effects, &scheduler)[0].2;
    assert_eq!(
        *message,
        format!(
            "Task launched with invalid offers: Duplicate offer {} in offer list",
            offer.id.value
        )
    );
    assert_eq!(offers(&world.pass(1), &scheduler).len(), 1);
}

#[test]
fn a_framework_without_partition_awareness_knows_only_lost() {
    let mut world = World::new();
    let (node, _) = world.agent("cpus:4;mem:1024");
    let (old, _) = world.subscribe(unaware());
    let unknown = v1::Offer {
        id: v1::OfferId { value: "no".into() },
        ..Default::default()
    };
    let effects = world.launch(&old, &[&unknown], vec![task("t", &node.id, "cpus:1")]);
    assert_eq!(told(&effects, &old)[0].1, "TASK_LOST");
}

#[test]
fn resources_return_at_the_end_and_the_task_stays_until_acknowledged() {
    let (mut world, node, scheduler, offer) = ready();
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    world.update(&node, &scheduler, "t", v1::TaskState::TaskRunning, &[1; 16]);
    let effects = world.update(&node, &scheduler, "t", v1::TaskState::TaskFinished, &[2; 16]);
    assert_eq!(
        statuses(&effects, &scheduler)[0].uuid.as_deref(),
        Some(&[2u8; 16][..])
    );
    assert!(world.state.agents[&node.id].used.is_empty());
    assert!(world.state.task(scheduler.id.as_str(), "t").is_some());
    for (uuid, kept) in [([1; 16], true), ([2; 16], false)] {
        let acknowledge = call::Acknowledge {
            agent_id: v1::AgentId {
                value: node.id.to_string(),
            },
            task_id: v1::TaskId { value: "t".into() },
            uuid: uuid.to_vec().into(),
        };
        let effects = world.call(&scheduler, call::Type::Acknowledge, |call| {
            call.acknowledge = Some(acknowledge)
        });
        assert!(matches!(
            to_agent(&effects, &node)[0],
            session::from_master::Message::Acknowledge(_)
        ));
        assert_eq!(world.state.task(scheduler.id.as_str(), "t").is_some(), kept);
    }
    // A late update of a task that is known to have ended changes nothing.
    world.update(&node, &scheduler, "t", v1::TaskState::TaskRunning, &[3; 16]);
    assert_eq!(world.state.frameworks[&scheduler.id].completed_tasks.len(), 1);
}

#[test]
fn a_group_is_launched_as_a_whole_or_not_at_all() {
    for (second, launched) in [("cpus:1;mem:32", true), ("cpus:100", false)] {
        let mut world = World::new();
        let (node, _) = world.agent("cpus:4;mem:1024;disk:10");
        let (scheduler, effects) = world.subscribe(aware(&["*"]));
        let offer = offers(&effects, &scheduler).remove(0);
        let mut group = v1::TaskGroupInfo::default();
        for (id, resources) in [("a", "cpus:1;mem:32"), ("b", second)] {
            group.tasks.push(v1::TaskInfo {
                command: Some(v1::CommandInfo::default()),
                ..task(id, &node.id, resources)
            });
        }
        let mut executor = v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: "e".into() },
            framework_id: Some(v1::FrameworkId {
                value: scheduler.id.to_string(),
            }),
            resources: wire::from_resources(&"cpus:0.5;mem:32;disk:1".parse().unwrap()),
            ..Default::default()
        };
        executor.set_type(v1::executor_info::Type::Default);
        let mut operation = v1::offer::Operation::default();
        operation.set_type(v1::offer::operation::Type::LaunchGroup);
        operation.launch_group = Some(v1::offer::operation::LaunchGroup {
            executor,
            task_group: group,
        });
        let accept = call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            filters: None,
        };
        let effects = world.call(&scheduler, call::Type::Accept, |call| call.accept = Some(accept));
        assert_eq!(to_agent(&effects, &node).len(), usize::from(launched));
        assert_eq!(told(&effects, &scheduler).len(), if launched { 0 } else { 2 });
        assert_eq!(
            world.state.agents[&node.id].used_total().cpus(),
            if launched { 2.5 } else { 0.0 }
        );
    }
}

#[test]
fn a_framework_that_stays_away_too_long_ends_with_its_tasks() {
    let (mut world, node, scheduler, offer) = ready();
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    world.apply(Input::StreamClosed {
        stream: scheduler.stream.clone(),
    });
    assert!(
        to_agent(&world.pass(59), &node)
            .iter()
            .all(|m| matches!(m, session::from_master::Message::Ping(_)))
    );
    let effects = world.pass(2);
    let shutdown =
        |m: &session::from_master::Message| matches!(m, session::from_master::Message::ShutdownFramework(_));
    assert!(to_agent(&effects, &node).iter().any(shutdown));
    assert!(world.state.agents[&node.id].used.is_empty());
    let (again, effects) = world.subscribe(v1::FrameworkInfo {
        id: Some(v1::FrameworkId {
            value: scheduler.id.to_string(),
        }),
        ..aware(&["*"])
    });
    assert_eq!(again.id.as_str(), "");
    assert!(matches!(effects.last(), Some(Effect::EndStream { .. })));
}
