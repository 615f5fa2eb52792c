//! The maintenance schedule and inverse offers. Sentences, and what is sent when, are those of a real Mesos 1.11.

use rstest::rstest;
use session::from_master::Message;
use v1::maintenance::{Schedule, Window};

use super::*;
use crate::Answer;
use crate::operation::Operation;

const ALL: &str = "cpus:4;mem:1024";

pub(super) fn machine(hostname: &str, ip: &str) -> v1::MachineId {
    v1::MachineId {
        hostname: Some(hostname.into()),
        ip: Some(ip.into()),
    }
}

/// Where all agents of these tests are.
pub(super) fn here() -> v1::MachineId {
    machine("h", "192.0.2.1")
}

fn at(start: i64) -> v1::Unavailability {
    v1::Unavailability {
        start: v1::TimeInfo { nanoseconds: start },
        duration: Some(v1::DurationInfo { nanoseconds: 1 }),
    }
}

/// A window for each machine.
pub(super) fn schedule(machines: &[(v1::MachineId, i64)]) -> Operation {
    let window = |(id, start): &(v1::MachineId, i64)| Window {
        machine_ids: vec![id.clone()],
        unavailability: at(*start),
    };
    Operation::UpdateSchedule(Schedule {
        windows: machines.iter().map(window).collect(),
    })
}

pub(super) fn answer(
    world: &mut World,
    scheduler: &Scheduler,
    id: &str,
    accepted: bool,
    seconds: Option<f64>,
) {
    let inverse_offer_ids = vec![v1::OfferId { value: id.into() }];
    let filters = seconds.map(|seconds| v1::Filters {
        refuse_seconds: Some(seconds),
    });
    if accepted {
        let accept = call::AcceptInverseOffers {
            inverse_offer_ids,
            filters,
        };
        world.call(scheduler, call::Type::AcceptInverseOffers, |call| {
            call.accept_inverse_offers = Some(accept)
        });
    } else {
        let decline = call::DeclineInverseOffers {
            inverse_offer_ids,
            filters,
        };
        world.call(scheduler, call::Type::DeclineInverseOffers, |call| {
            call.decline_inverse_offers = Some(decline)
        });
    }
}

fn asked(effects: &[Effect], scheduler: &Scheduler) -> Vec<v1::InverseOffer> {
    let events = events(effects, scheduler)
        .into_iter()
        .filter_map(|e| e.inverse_offers);
    events.flat_map(|event| event.inverse_offers).collect()
}

/// What a framework answered last about an agent.
fn said(world: &World, node: &Node, scheduler: &Scheduler) -> Option<bool> {
    let mut answers = world.state.inverse.answers(&node.id);
    answers
        .find(|(id, _)| **id == scheduler.id)
        .map(|(_, answer)| answer.accepted)
}

/// A framework with a task and nothing offered, and one that is offered the rest.
fn busy() -> (World, Node, Scheduler, Scheduler) {
    let mut world = World::new();
    let (node, _) = world.agent(ALL);
    let (first, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &first).remove(0);
    world.launch(&first, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    world.update(&node, &first, "t", v1::TaskState::TaskRunning, &[1; 16]);
    let (second, effects) = world.subscribe(aware(&["*"]));
    assert_eq!(offers(&effects, &second).len(), 1);
    (world, node, first, second)
}

#[rstest]
#[case(Window { machine_ids: vec![], unavailability: at(1) }, "List of machines in the maintenance window is empty")]
#[case(Window { machine_ids: vec![machine("", "")], unavailability: at(1) },
    "Both 'hostname' and 'ip' for a machine are empty")]
#[case(Window { machine_ids: vec![machine("", "::1")], unavailability: at(1) }, "Failed to parse IPv4: ::1")]
#[case(Window { machine_ids: vec![machine("", "1.2.3")], unavailability: at(1) }, "Failed to parse IPv4: 1.2.3")]
#[case(Window { machine_ids: vec![machine("o", "10.0.0.1"), machine("O", "10.0.0.1")], unavailability: at(1) },
    r#"Machine '{"hostname":"O","ip":"10.0.0.1"}' appears more than once in the schedule"#)]
#[case(Window { machine_ids: vec![here()], unavailability: v1::Unavailability {
    duration: Some(v1::DurationInfo { nanoseconds: -1 }), ..at(5) } }, "Unavailability 'duration' is negative")]
fn schedules_that_make_no_sense(#[case] window: Window, #[case] why: &str) {
    let mut world = World::new();
    let bad = Operation::UpdateSchedule(Schedule {
        windows: vec![window],
    });
    assert_eq!(world.operate(bad).0, Answer::BadRequest(why.into()));
    assert!(world.state.maintenance.is_empty());
}

#[test]
fn a_schedule_that_no_record_holds_is_refused_with_the_figures() {
    let mut world = World::new();
    let many: Vec<_> = (0..40_000_u32)
        .map(|n| {
            (
                machine(&format!("host-{n}"), &std::net::Ipv4Addr::from(n).to_string()),
                1,
            )
        })
        .collect();
    let Answer::BadRequest(why) = world.operate(schedule(&many)).0 else {
        panic!("it was taken")
    };
    assert!(why.contains("bytes, and the registry takes 983040"), "{why}");
    assert_eq!(world.operate(schedule(&many[..10_000])).0, Answer::Ok);
}

#[test]
fn machines_go_down_and_come_up() {
    let mut world = World::new();
    let (known, other) = (machine("a", "10.0.0.1"), machine("b", "10.0.0.2"));
    let text = |id: &v1::MachineId| mesolith_proto::json::to_string(id);
    let refused = |why: String| Answer::BadRequest(why);
    let (down, up) = (Operation::StartMaintenance, Operation::StopMaintenance);
    for operation in [down(vec![]), up(vec![])] {
        assert_eq!(
            world.operate(operation).0,
            refused("List of machines is empty".into())
        );
    }
    for operation in [down(vec![known.clone()]), up(vec![known.clone()])] {
        let why = format!("Machine '{}' is not part of a maintenance schedule", text(&known));
        assert_eq!(world.operate(operation).0, refused(why));
    }
    assert_eq!(
        world
            .operate(schedule(&[(known.clone(), 1), (other.clone(), 1)]))
            .0,
        Answer::Ok
    );
    let why = format!(
        "Machine '{}' is not in DOWN mode and cannot be brought up",
        text(&known)
    );
    assert_eq!(world.operate(up(vec![known.clone()])).0, refused(why));
    assert_eq!(world.operate(down(vec![machine("A", "10.0.0.1")])).0, Answer::Ok);
    let why = format!(
        "Machine '{}' is not in DRAINING mode and cannot be brought down",
        text(&known)
    );
    assert_eq!(world.operate(down(vec![known.clone()])).0, refused(why));
    let why = format!(
        "Machine '{}' is deactivated and cannot be removed from the schedule",
        text(&known)
    );
    for left in [schedule(&[(other.clone(), 1)]), schedule(&[])] {
        assert_eq!(world.operate(left).0, refused(why.clone()));
    }
    assert_eq!(world.operate(schedule(&[(known.clone(), 7)])).0, Answer::Ok);
    assert_eq!(world.operate(up(vec![known])).0, Answer::Ok);
    assert!(world.state.maintenance.is_empty());
}

#[test]
fn a_machine_with_an_agent_is_known_without_a_schedule() {
    let (mut world, ..) = busy();
    let text = mesolith_proto::json::to_string(&here());
    let why = format!("Machine '{text}' is not in DRAINING mode and cannot be brought down");
    let answer = world.operate(Operation::StartMaintenance(vec![here()])).0;
    assert_eq!(answer, Answer::BadRequest(why));
}

#[test]
fn everyone_who_holds_something_is_asked_and_offered_again_with_the_time() {
    let (mut world, node, first, second) = busy();
    let (_, effects) = world.operate(schedule(&[(here(), 5)]));
    assert_eq!(kinds(&effects, &first), [event::Type::InverseOffers]);
    let told = [
        event::Type::Rescind,
        event::Type::Offers,
        event::Type::InverseOffers,
    ];
    assert_eq!(kinds(&effects, &second), told);
    assert_eq!(offers(&effects, &second)[0].unavailability, Some(at(5)));
    let inverse = &asked(&effects, &first)[0];
    assert_eq!(inverse.unavailability, at(5));
    assert_eq!(inverse.agent_id.as_ref().unwrap().value, node.id.as_str());
    assert_eq!(inverse.url.as_ref().unwrap().path.as_deref(), Some("/slave(1)"));
    assert!(inverse.resources.is_empty());
    assert!(asked(&world.pass(20), &first).is_empty(), "once");
    // The same schedule again changes nothing; another time does.
    let (_, effects) = world.operate(schedule(&[(here(), 5)]));
    assert!(kinds(&effects, &first).is_empty());
    let (_, effects) = world.operate(schedule(&[(here(), 6)]));
    let told = [event::Type::RescindInverseOffer, event::Type::InverseOffers];
    assert_eq!(kinds(&effects, &first), told);
    // Without a schedule offers are as before.
    let (_, effects) = world.operate(schedule(&[]));
    assert_eq!(kinds(&effects, &first), [event::Type::RescindInverseOffer]);
    let told = [
        event::Type::Rescind,
        event::Type::RescindInverseOffer,
        event::Type::Offers,
    ];
    assert_eq!(kinds(&effects, &second), told);
    assert_eq!(offers(&effects, &second)[0].unavailability, None);
}

#[rstest]
#[case::said(Some(2.0), 2)]
#[case::default(None, 5)]
#[case::negative(Some(-1.0), 5)]
#[case::at_once(Some(0.0), 0)]
fn an_answer_is_remembered_and_keeps_quiet(#[case] filter: Option<f64>, #[case] seconds: u64) {
    for accepted in [true, false] {
        let (mut world, node, first, second) = busy();
        let (_, effects) = world.operate(schedule(&[(here(), 5)]));
        let inverse = asked(&effects, &first).remove(0);
        // Another framework cannot answer it.
        answer(&mut world, &second, &inverse.id.value, accepted, filter);
        assert_eq!(said(&world, &node, &first), None);
        answer(&mut world, &first, &inverse.id.value, accepted, filter);
        assert_eq!(said(&world, &node, &first), Some(accepted));
        assert_eq!(said(&world, &node, &second), None);
        if seconds > 1 {
            assert!(asked(&world.pass(seconds - 1), &first).is_empty());
        }
        let again = asked(&world.pass(2), &first);
        assert_eq!(again.len(), 1);
        assert_ne!(again[0].id, inverse.id);
        // A change of the time makes the answer void.
        world.operate(schedule(&[(here(), 6)]));
        assert_eq!(said(&world, &node, &first), None);
    }
}

#[test]
fn reviving_ends_the_quiet_and_a_lost_framework_is_not_asked() {
    let (mut world, _, first, _) = busy();
    let (_, effects) = world.operate(schedule(&[(here(), 5)]));
    let inverse = asked(&effects, &first).remove(0);
    answer(&mut world, &first, &inverse.id.value, false, Some(3600.0));
    assert!(asked(&world.pass(3), &first).is_empty());
    let effects = world.call(&first, call::Type::Revive, |_| {});
    assert_eq!(asked(&effects, &first).len(), 1);
    world.apply(Input::StreamClosed {
        stream: first.stream.clone(),
    });
    assert!(asked(&world.pass(3), &first).is_empty());
}

#[test]
fn an_agent_goes_down_with_its_machine_and_may_come_back() {
    let (mut world, node, first, second) = busy();
    let wire = world.state.task(first.id.as_str(), "t").unwrap().wire.clone();
    world.operate(schedule(&[(here(), 5)]));
    let (answer, effects) = world.operate(Operation::StartMaintenance(vec![here()]));
    assert_eq!(answer, Answer::Ok);
    let sentence = "Agent h removed: Operator initiated 'Machine DOWN'".to_owned();
    assert_eq!(told(&effects, &first), [("t".to_owned(), "TASK_LOST", sentence)]);
    let order = [
        event::Type::Update,
        event::Type::RescindInverseOffer,
        event::Type::Failure,
    ];
    assert_eq!(kinds(&effects, &first), order);
    let order = [
        event::Type::Rescind,
        event::Type::RescindInverseOffer,
        event::Type::Failure,
    ];
    assert_eq!(kinds(&effects, &second), order);
    let go = |message: &str| {
        let message = message.to_owned();
        [Message::ShutdownAgent(session::ShutdownAgent { message })]
    };
    assert_eq!(to_agent(&effects, &node), go("Operator initiated 'Machine DOWN'"));
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![wire], vec![]);
    assert_eq!(to_agent(&effects, &back), go("Machine is `DOWN`"));
    let session = world.session();
    let register = session::Register {
        agent: Some(agent_info(ALL, None)),
        ..Default::default()
    };
    let effects = world.say(session, session::from_agent::Message::Register(register));
    let id = AgentId::from("");
    assert_eq!(to_agent(&effects, &Node { id, session }), go("Machine is `DOWN`"));
    world.operate(Operation::StopMaintenance(vec![here()]));
    let (back, _) = world.reregister(node.id.as_str(), ALL, vec![], vec![]);
    assert!(world.state.agents[&back.id].is_connected());
}

#[test]
fn the_next_leader_knows_the_schedule() {
    let (mut before, ..) = busy();
    let other = machine("b", "10.0.0.2");
    before.operate(schedule(&[(here(), 5), (other.clone(), 5)]));
    before.operate(Operation::StartMaintenance(vec![other.clone()]));
    let mut world = World::new();
    world.apply(Input::Elected(Registry {
        maintenance: before.state.maintenance.as_ref().clone(),
        ..Registry::default()
    }));
    world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    assert_eq!(offers(&effects, &scheduler)[0].unavailability, Some(at(5)));
    assert_eq!(asked(&effects, &scheduler).len(), 1);
    assert!(
        world
            .state
            .maintenance
            .is_down(&crate::state::Machine::of(&other))
    );
}
