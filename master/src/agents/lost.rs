//! Agents that lose their connection, go silent, or leave.

use std::sync::Arc;

use mesolith_mesos::{AgentId, TaskState};
use mesolith_proto::mesos::v1;
use v1::task_status::Reason;

use crate::input::{Effect, SessionId};
use crate::offers;
use crate::state::{Agent, State};
use crate::time::Time;
use crate::updates::{failure_event, master_status, to_framework, told_state, update};

/// An agent's connection ended: its offers are rescinded at once, its tasks run on, and its silence is measured.
pub(crate) fn disconnect(state: &mut State, session: SessionId) -> Vec<Effect> {
    let Some(id) = state.sessions.remove(&session) else {
        return Vec::new();
    };
    let Some(agent) = state
        .agent_mut(id.as_str())
        .filter(|a| a.session == Some(session))
    else {
        return Vec::new();
    };
    agent.session = None;
    let offers = agent.offers.clone();
    offers
        .iter()
        .filter_map(|offer| offers::rescind(state, offer.as_str()))
        .collect()
}

/// An agent was silent for too long: its tasks may still run, and may be seen again.
pub(crate) fn unreachable(state: &mut State, now: Time, id: &AgentId) -> Vec<Effect> {
    state.counters.agents_unreachable += 1;
    state.unreachable.insert(id.clone(), now);
    let limit = state.config.max_unreachable_tasks;
    take_away(state, id, |state, task| {
        let framework = task.framework();
        let owner = state.frameworks.get(&framework)?;
        let told = told_state(owner, TaskState::Unreachable);
        let (reason, message) = (Reason::AgentRemoved, "health check timed out");
        let mut status = master_status(now, &task.wire.task_id, Some(id.as_str()), told, reason, message);
        status.unreachable_time = Some(v1::TimeInfo {
            nanoseconds: now.nanoseconds(),
        });
        status.executor_id.clone_from(&task.wire.executor_id);
        let mut task = task;
        task.set_state(told);
        task.record(&status);
        let owner = state.framework_mut(framework.as_str())?;
        owner.unreachable_tasks.insert(task.id(), Arc::new(task));
        while owner.unreachable_tasks.len() > limit {
            owner.unreachable_tasks.pop_first();
        }
        update(state, framework.as_str(), status)
    })
}

/// The agent says that it will not come back under this id.
pub(crate) fn leave(state: &mut State, now: Time, id: &AgentId, reason: &str) -> Vec<Effect> {
    let session = state.agents.get(id).and_then(|agent| agent.session);
    let message = if reason.is_empty() {
        "Agent unregistered"
    } else {
        reason
    };
    let mut effects = remove(state, now, id, message);
    effects.extend(session.map(|session| Effect::EndSession { session }));
    effects
}

/// Removes an agent for good: its tasks are gone with it.
pub(crate) fn remove(state: &mut State, now: Time, id: &AgentId, message: &str) -> Vec<Effect> {
    state.counters.agent_removals += 1;
    state.gone.insert(id.clone(), now);
    let limit = state.config.max_completed_tasks;
    take_away(state, id, |state, task| {
        let framework = task.framework();
        let told = told_state(state.frameworks.get(&framework)?, TaskState::Gone);
        let status = master_status(
            now,
            &task.wire.task_id,
            Some(id.as_str()),
            told,
            Reason::AgentRemoved,
            message,
        );
        let mut task = task;
        task.set_state(told);
        task.record(&status);
        state.counters.ended(told);
        state.framework_mut(framework.as_str())?.complete(task, limit);
        update(state, framework.as_str(), status)
    })
}

/// Takes an agent out of the cluster: updates for its tasks first, then its offers, then the news of its failure.
fn take_away(
    state: &mut State,
    id: &AgentId,
    mut each: impl FnMut(&mut State, crate::state::Task) -> Option<Effect>,
) -> Vec<Effect> {
    let Some(agent) = state.agents.get(id).cloned() else {
        return Vec::new();
    };
    let mut effects = Vec::new();
    for (framework, task) in &agent.tasks {
        let Some(task) = state.take_task(framework.as_str(), task.as_str()) else {
            continue;
        };
        if task.state().is_terminal() {
            let limit = state.config.max_completed_tasks;
            if let Some(framework) = state.framework_mut(framework.as_str()) {
                framework.complete(task, limit);
            }
        } else {
            effects.extend(each(state, task));
        }
    }
    effects.extend(
        agent
            .offers
            .iter()
            .filter_map(|offer| offers::rescind(state, offer.as_str())),
    );
    end_session(state, &agent, &mut effects);
    state.agents.remove(id);
    state.filters.forget_agent(id);
    let failure = |framework| to_framework(framework, failure_event(id.as_str(), None));
    effects.extend(
        state
            .frameworks
            .values()
            .filter_map(|framework| failure(framework)),
    );
    effects
}

fn end_session(state: &mut State, agent: &Agent, effects: &mut Vec<Effect>) {
    if let Some(session) = agent.session {
        state.sessions.remove(&session);
        effects.push(Effect::EndSession { session });
    }
}
