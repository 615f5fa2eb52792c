//! Messages of agents and what their silence means, one file for each.

pub(crate) mod lost;
pub(crate) mod register;
pub(crate) mod reregister;
pub(crate) mod status;

use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::{Event, event};

use crate::input::{Effect, SessionId};
use crate::state::State;
use crate::time::Time;
use crate::updates::{failure_event, to_framework};

/// Takes a message of an agent.
pub(crate) fn receive(
    state: &mut State,
    now: Time,
    from: SessionId,
    peer: &str,
    message: session::from_agent::Message,
) -> Vec<Effect> {
    use session::from_agent::Message;
    let known = state.sessions.get(&from).cloned();
    if let Some(agent) = known.as_ref().and_then(|id| state.agent_mut(id.as_str())) {
        // Any message is a sign of life.
        agent.seen = now;
    }
    match (message, known) {
        (Message::Register(register), None) => register::register(state, now, from, peer, register),
        (Message::Reregister(again), None) => reregister::reregister(state, now, from, peer, again),
        (Message::StatusUpdate(update), Some(agent)) => status::update(state, now, &agent, update),
        (Message::Pong(_), Some(_)) => Vec::new(),
        (Message::ExecutorExited(exited), Some(agent)) => executor_exited(state, &agent, &exited),
        (Message::FrameworkMessage(message), Some(agent)) => framework_message(state, &agent, message),
        (Message::Leave(leave), Some(agent)) => lost::leave(state, now, &agent, &leave.reason),
        (Message::Register(_) | Message::Reregister(_), Some(_)) => Vec::new(),
        // An agent registers before it sends anything else: this one has to start again.
        (_, None) => vec![Effect::EndSession { session: from }],
    }
}

fn executor_exited(
    state: &mut State,
    agent: &mesolith_mesos::AgentId,
    exited: &session::ExecutorExited,
) -> Vec<Effect> {
    let (Some(framework), Some(executor)) = (&exited.framework_id, &exited.executor_id) else {
        return Vec::new();
    };
    let key = (framework.value.as_str().into(), executor.value.as_str().into());
    let gone = state
        .agent_mut(agent.as_str())
        .and_then(|a| a.executors.remove(&key));
    if let Some(gone) = gone {
        state.release(agent, &key.0, &gone.resources);
    }
    let event = failure_event(agent.as_str(), Some((&executor.value, exited.status)));
    state
        .frameworks
        .get(&key.0)
        .and_then(|framework| to_framework(framework, event))
        .into_iter()
        .collect()
}

fn framework_message(
    state: &State,
    agent: &mesolith_mesos::AgentId,
    message: session::FrameworkMessage,
) -> Vec<Effect> {
    let (Some(framework), Some(executor_id)) = (&message.framework_id, message.executor_id) else {
        return Vec::new();
    };
    let agent_id = v1::AgentId {
        value: agent.to_string(),
    };
    let payload = event::Message {
        agent_id,
        executor_id,
        data: message.data,
    };
    let mut event = Event {
        message: Some(payload),
        ..Default::default()
    };
    event.set_type(event::Type::Message);
    state
        .frameworks
        .get(framework.value.as_str())
        .and_then(|f| to_framework(f, event))
        .into_iter()
        .collect()
}
