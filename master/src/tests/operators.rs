//! Decisions of operators about agents: what they answer, and what they do. Sentences are those of Mesos 1.11.

use rstest::rstest;
use session::from_master::Message;

use super::*;
use crate::Answer;
use crate::operation::{Change, Operation};
use crate::state::{Decision, Drain};

const ALL: &str = "cpus:4;mem:1024";

fn config(seconds: i64, mark_gone: bool) -> v1::DrainConfig {
    v1::DrainConfig {
        max_grace_period: Some(v1::DurationInfo {
            nanoseconds: seconds * 1_000_000_000,
        }),
        mark_gone: Some(mark_gone),
    }
}

fn drain(node: &Node) -> Operation {
    Operation::Drain {
        agent: node.id.clone(),
        config: config(5, false),
    }
}

fn drain_for_good(node: &Node) -> Operation {
    Operation::Drain {
        agent: node.id.clone(),
        config: config(5, true),
    }
}

fn deactivate(node: &Node) -> Operation {
    Operation::Deactivate(node.id.clone())
}

fn reactivate(node: &Node) -> Operation {
    Operation::Reactivate(node.id.clone())
}

fn mark_gone(node: &Node) -> Operation {
    Operation::MarkGone(node.id.clone())
}

impl World {
    pub(super) fn operate(&mut self, operation: Operation) -> (Answer, Vec<Effect>) {
        let effects = self.apply(Input::Operator(operation));
        let mut answers = effects.iter().filter_map(|effect| match effect {
            Effect::AnswerHeld(_, answer) => Some(answer.clone()),
            _ => None,
        });
        let answer = answers.next().expect("an answer");
        assert_eq!(answers.next(), None);
        (answer, effects)
    }

    fn drain_state(&self, node: &Node) -> Option<v1::DrainState> {
        match self.state.decisions.get(&node.id)? {
            Decision::Draining(drain) => {
                Some(drain.state(self.state.agents.get(&node.id).map(|agent| agent.tasks.len())))
            }
            Decision::Deactivated | Decision::Gone(_) => None,
        }
    }

    fn is_offered(&self, node: &Node) -> bool {
        !self.state.agents[&node.id].offers.is_empty()
    }
}

/// A framework with a running task, and the rest of the agent offered to it.
fn running() -> (World, Node, Scheduler) {
    let mut world = World::new();
    let (node, _) = world.agent(ALL);
    let (scheduler, effects) = world.subscribe(aware(&["*"]));
    let offer = offers(&effects, &scheduler).remove(0);
    world.launch(&scheduler, &[&offer], vec![task("t", &node.id, "cpus:1;mem:32")]);
    world.update(&node, &scheduler, "t", v1::TaskState::TaskRunning, &[1; 16]);
    world.pass(6);
    assert!(world.is_offered(&node));
    (world, node, scheduler)
}

fn end_acknowledged(world: &mut World, node: &Node, scheduler: &Scheduler) -> Vec<Effect> {
    world.update(node, scheduler, "t", v1::TaskState::TaskKilled, &[2; 16]);
    let acknowledge = call::Acknowledge {
        agent_id: v1::AgentId {
            value: node.id.to_string(),
        },
        task_id: v1::TaskId { value: "t".into() },
        uuid: vec![2; 16].into(),
    };
    world.call(scheduler, call::Type::Acknowledge, |call| {
        call.acknowledge = Some(acknowledge)
    })
}

type Make = fn(&Node) -> Operation;

fn refused(why: &str) -> Answer {
    Answer::BadRequest(why.into())
}

#[rstest]
#[case::active(&[], drain, Answer::Ok)]
#[case::active(&[], deactivate, Answer::Ok)]
#[case::active(&[], reactivate, refused("Agent is not deactivated"))]
#[case::active(&[], mark_gone, Answer::Ok)]
#[case::deactivated(&[deactivate as Make], deactivate, Answer::Ok)]
#[case::deactivated(&[deactivate as Make], drain, Answer::Ok)]
#[case::deactivated(&[deactivate as Make], reactivate, Answer::Ok)]
#[case::draining(&[drain as Make], drain, Answer::Ok)]
#[case::draining(&[drain as Make], deactivate, Answer::Ok)]
#[case::draining(&[drain as Make], reactivate, refused("Agent is still in the DRAINING state"))]
#[case::draining(&[drain as Make], mark_gone, Answer::Ok)]
#[case::gone(&[mark_gone as Make], drain, refused("Unknown agent"))]
#[case::gone(&[mark_gone as Make], deactivate, refused("Unknown agent"))]
#[case::gone(&[mark_gone as Make], reactivate, refused("Agent is not deactivated"))]
#[case::gone(&[mark_gone as Make], mark_gone, Answer::Ok)]
fn every_decision_in_every_state(#[case] before: &[Make], #[case] then: Make, #[case] answer: Answer) {
    let (mut world, node, _) = running();
    for make in before {
        assert_eq!(world.operate(make(&node)).0, Answer::Ok);
    }
    assert_eq!(world.operate(then(&node)).0, answer);
}

#[test]
fn an_agent_that_nobody_knows() {
    let mut world = World::new();
    let unknown = Node {
        id: "x".into(),
        session: SessionId(0),
    };
    assert_eq!(world.operate(drain(&unknown)).0, refused("Unknown agent"));
    assert_eq!(world.operate(deactivate(&unknown)).0, refused("Unknown agent"));
    assert_eq!(
        world.operate(reactivate(&unknown)).0,
        refused("Agent is not deactivated")
    );
    let not_found = Answer::NotFound("Agent 'x' not found".into());
    assert_eq!(world.operate(mark_gone(&unknown)).0, not_found);
}

#[test]
fn an_agent_of_before_draining_is_refused() {
    let mut world = World::new();
    let session = world.session();
    let register = session::Register {
        agent: Some(agent_info(ALL, None)),
        version: "1".into(),
        capabilities: Vec::new(),
    };
    world.say(session, session::from_agent::Message::Register(register));
    let id = world.state.sessions[&session].clone();
    let answer = world
        .operate(drain(&Node {
            id: id.clone(),
            session,
        }))
        .0;
    assert_eq!(answer, refused(&format!("Agent {id} is not capable of draining")));
}

#[test]
fn a_drain_takes_offers_back_and_tells_the_agent() {
    let (mut world, node, scheduler) = running();
    let (_, effects) = world.operate(drain(&node));
    assert_eq!(kinds(&effects, &scheduler), [event::Type::Rescind]);
    let drain = Message::Drain(session::Drain {
        config: Some(config(5, false)),
    });
    assert_eq!(to_agent(&effects, &node), std::slice::from_ref(&drain));
    assert!(kinds(&world.pass(3), &scheduler).is_empty(), "nothing is offered");
    // Whenever it registers, it is told again.
    let wire = world.state.task(scheduler.id.as_str(), "t").unwrap().wire.clone();
    let (node, effects) = world.reregister(node.id.as_str(), ALL, vec![wire], vec![]);
    assert!(to_agent(&effects, &node).contains(&drain));
    assert_eq!(world.drain_state(&node), Some(v1::DrainState::Draining));
}

#[test]
fn it_is_drained_once_every_end_is_acknowledged() {
    let (mut world, node, scheduler) = running();
    world.operate(drain(&node));
    world.update(&node, &scheduler, "t", v1::TaskState::TaskKilled, &[2; 16]);
    assert_eq!(world.drain_state(&node), Some(v1::DrainState::Draining));
    assert_eq!(world.state.agents[&node.id].alive, 0);
    end_acknowledged(&mut world, &node, &scheduler);
    assert_eq!(world.drain_state(&node), Some(v1::DrainState::Drained));
    world.pass(10);
    assert!(!world.is_offered(&node));
    let (answer, effects) = world.operate(reactivate(&node));
    assert_eq!(answer, Answer::Ok);
    assert_eq!(offers(&effects, &scheduler).len(), 1);
}

#[test]
fn draining_again_replaces_how_and_since_when() {
    let (mut world, node, _) = running();
    world.operate(drain(&node));
    world.pass(3);
    let (_, effects) = world.operate(drain_for_good(&node));
    assert_eq!(to_agent(&effects, &node).len(), 1);
    let again = Drain {
        config: config(5, true),
        since: world.now,
    };
    assert_eq!(world.state.decisions[&node.id], Decision::Draining(again));
}

#[test]
fn a_deactivated_agent_keeps_its_tasks() {
    let (mut world, node, scheduler) = running();
    let (_, effects) = world.operate(deactivate(&node));
    assert_eq!(kinds(&effects, &scheduler), [event::Type::Rescind]);
    assert!(to_agent(&effects, &node).is_empty());
    assert_eq!(world.drain_state(&node), None);
    world.pass(10);
    assert_eq!(world.state.agents[&node.id].alive, 1);
}

/// The order of the real master: updates, offers, the agent's failure.
#[test]
fn a_gone_agent_takes_its_tasks_along_and_never_returns() {
    let (mut world, node, scheduler) = running();
    let wire = world.state.task(scheduler.id.as_str(), "t").unwrap().wire.clone();
    let (_, effects) = world.operate(mark_gone(&node));
    let sentence = "Agent has been marked gone".to_owned();
    assert_eq!(
        told(&effects, &scheduler),
        [("t".to_owned(), "TASK_GONE_BY_OPERATOR", sentence.clone())]
    );
    let status = &statuses(&effects, &scheduler)[0];
    assert_eq!(status.reason(), v1::task_status::Reason::AgentRemovedByOperator);
    let order = [event::Type::Update, event::Type::Rescind, event::Type::Failure];
    assert_eq!(kinds(&effects, &scheduler), order);
    let go = Message::ShutdownAgent(session::ShutdownAgent { message: sentence });
    assert_eq!(to_agent(&effects, &node), std::slice::from_ref(&go));
    let (again, effects) = world.reregister(node.id.as_str(), ALL, vec![wire], vec![]);
    assert_eq!(to_agent(&effects, &again), [go]);
    assert!(effects.contains(&Effect::EndSession {
        session: again.session
    }));
    assert!(world.state.agents.is_empty());
}

#[test]
fn an_unreachable_agent_can_be_marked_gone() {
    let (mut world, node, scheduler) = running();
    world.apply(Input::SessionClosed {
        session: node.session,
    });
    world.pass(80);
    let (answer, effects) = world.operate(mark_gone(&node));
    assert_eq!(answer, Answer::Ok);
    assert_eq!(told(&effects, &scheduler)[0].1, "TASK_GONE_BY_OPERATOR");
    assert!(world.state.unreachable.is_empty());
    assert!(world.state.frameworks[&scheduler.id].unreachable_tasks.is_empty());
}

#[test]
fn a_drain_for_good_ends_with_the_agent() {
    let (mut world, node, scheduler) = running();
    world.operate(drain_for_good(&node));
    end_acknowledged(&mut world, &node, &scheduler);
    let effects = world.pass(1);
    assert!(kinds(&effects, &scheduler).contains(&event::Type::Failure));
    assert!(matches!(world.state.decisions[&node.id], Decision::Gone(_)));
    assert!(world.state.agents.is_empty());
}

#[test]
fn a_gone_agent_is_forgotten_after_two_weeks_and_one_that_left_at_once() {
    let (mut world, node, _) = running();
    world.operate(mark_gone(&node));
    world.now = world.now + Duration::from_secs(14 * 24 * 3600 - 2);
    world.pass(1);
    assert_eq!(world.state.decisions.len(), 1);
    world.pass(1);
    assert!(world.state.decisions.is_empty());
    let (node, _) = world.agent(ALL);
    world.operate(deactivate(&node));
    world.say(
        node.session,
        session::from_agent::Message::Leave(session::Leave::default()),
    );
    assert!(world.state.decisions.is_empty());
}

/// Write-ahead: what the registry does not have yet has no effect, and decisions are made one after the other.
#[test]
fn nothing_happens_before_the_registry_has_it() {
    let (mut world, node, scheduler) = running();
    let first = world.state.apply(world.now, Input::Operator(drain(&node)));
    let since = world.now;
    let record = Decision::Draining(Drain {
        config: config(5, false),
        since,
    });
    let ticket = match first[..] {
        [
            Effect::Hold(ticket),
            Effect::Store(Change::Decision(ref id, Some(ref decision))),
        ] => {
            assert_eq!((id, decision), (&node.id, &record));
            ticket
        }
        _ => panic!("{first:?}"),
    };
    let second = world.state.apply(world.now, Input::Operator(reactivate(&node)));
    assert!(matches!(second[..], [Effect::Hold(_)]), "{second:?}");
    assert!(world.is_offered(&node));
    // The second is decided about what the first has made of the agent.
    let effects = world.state.apply(world.now, Input::Stored(Ok(())));
    let answers: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::AnswerHeld(ticket, answer) => Some((*ticket, answer.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(answers[0], (ticket, Answer::Ok));
    assert_eq!(answers[1].1, refused("Agent is still in the DRAINING state"));
    assert_eq!(kinds(&effects, &scheduler), [event::Type::Rescind]);
}

#[test]
fn what_the_registry_cannot_take_is_refused_and_has_no_effect() {
    let (mut world, node, _) = running();
    world.state.apply(world.now, Input::Operator(mark_gone(&node)));
    let effects = world.state.apply(world.now, Input::Stored(Err("no".into())));
    let why = Answer::Unavailable("Failed to update the registry: no".into());
    assert!(matches!(&effects[..], [Effect::AnswerHeld(_, answer)] if *answer == why));
    assert!(world.is_offered(&node));
    assert!(world.state.decisions.is_empty());
}

#[test]
fn the_next_leader_goes_on_with_what_was_decided() {
    let (mut before, node, scheduler) = running();
    before.operate(drain(&node));
    let wire = before
        .state
        .task(scheduler.id.as_str(), "t")
        .unwrap()
        .wire
        .clone();
    let framework = before.state.frameworks[&scheduler.id].info.clone();
    let registry = Registry {
        decisions: before.state.decisions.as_ref().clone(),
        ..Registry::default()
    };
    let mut world = World::new();
    world.apply(Input::Elected(registry));
    // It is known before it is back.
    assert_eq!(
        world.operate(reactivate(&node)).0,
        refused("Agent is still in the DRAINING state")
    );
    let (back, effects) = world.reregister(node.id.as_str(), ALL, vec![wire], vec![framework]);
    assert!(matches!(
        to_agent(&effects, &back)[..],
        [Message::Registered(_), Message::Drain(_), ..]
    ));
    world.pass(5);
    assert!(!world.is_offered(&back));
    assert_eq!(world.drain_state(&back), Some(v1::DrainState::Draining));
}
