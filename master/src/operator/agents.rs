//! DRAIN_AGENT, DEACTIVATE_AGENT, REACTIVATE_AGENT and MARK_AGENT_GONE.

use std::sync::Arc;
use std::time::Duration;

use mesolith_mesos::{AgentId, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::agent_info::capability::Type as Capability;
use v1::task_status::Reason;

use super::ask_ourselves;
use crate::agents::lost::{self, Removal};
use crate::input::{Answer, Effect, SessionId};
use crate::offers;
use crate::operation::{Change, Operation};
use crate::state::{Agent, Decision, Drain, State, drain_of};
use crate::time::Time;

/// What everybody is told about an agent that was marked gone.
pub(crate) const GONE: &str = "Agent has been marked gone";
/// Agents that are gone are remembered this long: Mesos' default for `--registry_max_agent_age`, 2 weeks.
const REMEMBER_GONE: Duration = Duration::from_secs(14 * 24 * 3600);

fn refuse<T>(why: impl Into<String>) -> Result<T, Answer> {
    Err(Answer::BadRequest(why.into()))
}

/// Whether this master knows the agent, and it may still come back.
fn is_known(state: &State, agent: &AgentId) -> bool {
    let decided = state.decisions.get(agent);
    !matches!(decided, Some(Decision::Gone(_)))
        && (decided.is_some() || state.agents.contains_key(agent) || state.unreachable.contains_key(agent))
}

fn is_drained(state: &State, agent: &AgentId) -> bool {
    let tasks = state.agents.get(agent).map(|agent| agent.tasks.len());
    drain_of(&state.decisions, agent).is_some_and(|drain| drain.state(tasks) == v1::DrainState::Drained)
}

/// Whether an agent understands that it is to end its tasks.
fn capable_of_draining(agent: &Agent) -> bool {
    agent.capabilities.contains(&(Capability::AgentDraining as i32))
}

pub(super) fn drain(
    state: &State,
    now: Time,
    agent: &AgentId,
    config: v1::DrainConfig,
) -> Result<Change, Answer> {
    if !is_known(state, agent) {
        return refuse("Unknown agent");
    }
    if state
        .agents
        .get(agent)
        .is_some_and(|agent| !capable_of_draining(agent))
    {
        return refuse(format!("Agent {agent} is not capable of draining"));
    }
    let drain = Drain { config, since: now };
    Ok(Change::Decision(agent.clone(), Some(Decision::Draining(drain))))
}

pub(super) fn deactivate(state: &State, agent: &AgentId) -> Result<Option<Change>, Answer> {
    if !is_known(state, agent) {
        return refuse("Unknown agent");
    }
    let active = !state.decisions.contains_key(agent);
    Ok(active.then(|| Change::Decision(agent.clone(), Some(Decision::Deactivated))))
}

pub(super) fn reactivate(state: &State, agent: &AgentId) -> Result<Change, Answer> {
    match state.decisions.get(agent) {
        None | Some(Decision::Gone(_)) => refuse("Agent is not deactivated"),
        Some(Decision::Draining(_)) if !is_drained(state, agent) => {
            refuse("Agent is still in the DRAINING state")
        }
        Some(Decision::Draining(_) | Decision::Deactivated) => Ok(Change::Decision(agent.clone(), None)),
    }
}

pub(super) fn mark_gone(state: &State, now: Time, agent: &AgentId) -> Result<Option<Change>, Answer> {
    if matches!(state.decisions.get(agent), Some(Decision::Gone(_))) {
        return Ok(None);
    }
    if !is_known(state, agent) {
        return Err(Answer::NotFound(format!("Agent '{agent}' not found")));
    }
    Ok(Some(Change::Decision(agent.clone(), Some(Decision::Gone(now)))))
}

pub(super) fn forget(state: &State, agent: &AgentId) -> Option<Change> {
    let known = state.decisions.contains_key(agent);
    known.then(|| Change::Decision(agent.clone(), None))
}

/// A decision is in force.
pub(super) fn settle(
    state: &mut State,
    now: Time,
    agent: &AgentId,
    decision: Option<Decision>,
) -> Vec<Effect> {
    let gone = matches!(decision, Some(Decision::Gone(_)));
    let decisions = Arc::make_mut(&mut state.decisions);
    let Some(decision) = decision else {
        decisions.remove(agent);
        return offers::allocate(state, now);
    };
    decisions.insert(agent.clone(), decision);
    if gone {
        return remove(state, now, agent);
    }
    let mut effects = offers::rescind_all(state, agent);
    effects.extend(drain_message(state, agent));
    effects
}

/// The agent is gone with all that it ran, connected or not.
fn remove(state: &mut State, now: Time, agent: &AgentId) -> Vec<Effect> {
    let removal = Removal {
        told: TaskState::GoneByOperator,
        reason: Reason::AgentRemovedByOperator,
        message: GONE,
        shut_down: Some(GONE),
    };
    let mut effects = lost::remove(state, now, agent, &removal);
    effects.extend(lost::give_up_unreachable(state, now, agent, &removal));
    effects
}

/// Tells an agent that is drained to end its tasks; it is told again each time that it registers.
pub(crate) fn drain_message(state: &State, id: &AgentId) -> Option<Effect> {
    let agent = state.agents.get(id).filter(|agent| capable_of_draining(agent))?;
    let drain = drain_of(&state.decisions, id)?;
    let to = |session: SessionId| Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::Drain(session::Drain {
            config: Some(drain.config),
        })),
    };
    agent.session.map(to)
}

/// What follows from decisions with time: drained agents are marked gone where that was asked for, and agents that are
/// gone for long are forgotten.
pub(crate) fn tend(state: &mut State, now: Time) -> Vec<Effect> {
    let due = |(id, decision): (&AgentId, &Decision)| match decision {
        Decision::Draining(drain) if drain.config.mark_gone() && is_drained(state, id) => {
            Some(Operation::MarkGone(id.clone()))
        }
        Decision::Gone(since) if now.since(*since) >= REMEMBER_GONE => Some(Operation::Forget(id.clone())),
        Decision::Deactivated | Decision::Draining(_) | Decision::Gone(_) => None,
    };
    let due: Vec<_> = state.decisions.iter().filter_map(due).collect();
    due.into_iter()
        .flat_map(|operation| ask_ourselves(state, now, operation))
        .collect()
}

/// An agent has left for good: what was decided about it is of no use any more.
pub(crate) fn left(state: &mut State, now: Time, agent: &AgentId) -> Vec<Effect> {
    if is_known(state, agent) && state.decisions.contains_key(agent) {
        ask_ourselves(state, now, Operation::Forget(agent.clone()))
    } else {
        Vec::new()
    }
}
