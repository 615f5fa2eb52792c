//! Agents that lose their connection, go silent, or leave.

use std::sync::Arc;

use mesolith_mesos::{AgentId, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::task_status::Reason;

use crate::input::{Effect, SessionId};
use crate::state::{Agent, State, Task};
use crate::time::Time;
use crate::updates::{failure_event, master_status, to_framework, told_state, update};
use crate::{offers, operator};

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
    offers::rescind_all(state, &id)
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

/// The agent will not come back under this id: it says so, or another one has taken its place.
pub(crate) fn leave(state: &mut State, now: Time, id: &AgentId, reason: &str) -> Vec<Effect> {
    let message = if reason.is_empty() {
        "Agent unregistered"
    } else {
        reason
    };
    let removal = Removal {
        told: TaskState::Gone,
        reason: Reason::AgentRemoved,
        message,
        shut_down: None,
    };
    let mut effects = remove(state, now, id, &removal);
    state.left.insert(id.clone(), now);
    effects.extend(operator::left(state, now, id));
    effects
}

/// How an agent goes.
pub(crate) struct Removal<'a> {
    /// What becomes of its tasks.
    pub(crate) told: TaskState,
    /// Why, for programs.
    pub(crate) reason: Reason,
    /// Why, for people.
    pub(crate) message: &'a str,
    /// The agent itself is told to end, and why.
    pub(crate) shut_down: Option<&'a str>,
}

/// Removes an agent: its tasks end with it.
pub(crate) fn remove(state: &mut State, now: Time, id: &AgentId, removal: &Removal<'_>) -> Vec<Effect> {
    if !state.agents.contains_key(id) {
        return Vec::new();
    }
    state.counters.agent_removals += 1;
    let told = removal.shut_down.and_then(|message| {
        let session = state.agents.get(id)?.session?;
        Some(shut_down_agent(session, message))
    });
    let mut effects: Vec<_> = told.into_iter().collect();
    effects.extend(take_away(state, id, |state, task| end(state, now, task, removal)));
    effects
}

/// The tasks of an agent that was unreachable end, since it will not come back.
pub(crate) fn give_up_unreachable(
    state: &mut State,
    now: Time,
    id: &AgentId,
    removal: &Removal<'_>,
) -> Vec<Effect> {
    state.unreachable.remove(id);
    let mut given_up = Vec::new();
    for framework in state.frameworks.values_mut() {
        if framework
            .unreachable_tasks
            .values()
            .any(|task| task.agent() == *id)
        {
            let framework = Arc::make_mut(framework);
            let of_agent = framework
                .unreachable_tasks
                .extract_if(.., |_, task| task.agent() == *id);
            given_up.extend(of_agent.map(|(_, task)| Arc::unwrap_or_clone(task)));
        }
    }
    given_up
        .into_iter()
        .filter_map(|task| end(state, now, task, removal))
        .collect()
}

/// A task that its agent takes along: it is among those that have ended, and its framework is told.
fn end(state: &mut State, now: Time, mut task: Task, removal: &Removal<'_>) -> Option<Effect> {
    let (framework, agent) = (task.framework(), task.agent());
    let told = told_state(state.frameworks.get(&framework)?, removal.told);
    let status = master_status(
        now,
        &task.wire.task_id,
        Some(agent.as_str()),
        told,
        removal.reason,
        removal.message,
    );
    task.set_state(told);
    task.record(&status);
    state.counters.ended(told);
    let limit = state.config.max_completed_tasks;
    state.framework_mut(framework.as_str())?.complete(task, limit);
    update(state, framework.as_str(), status)
}

/// Refuses an agent that wants to register.
pub(crate) fn turn_away(session: SessionId, message: &str) -> Vec<Effect> {
    vec![shut_down_agent(session, message), Effect::EndSession { session }]
}

/// Tells an agent to end with all that it runs.
fn shut_down_agent(session: SessionId, message: &str) -> Effect {
    let message = session::ShutdownAgent {
        message: message.to_owned(),
    };
    Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::ShutdownAgent(message)),
    }
}

/// Takes an agent out of the cluster: updates for its tasks first, then its offers, then the news of its failure.
fn take_away(
    state: &mut State,
    id: &AgentId,
    mut each: impl FnMut(&mut State, Task) -> Option<Effect>,
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
    effects.extend(offers::rescind_all(state, id));
    end_session(state, &agent, &mut effects);
    state.agents.remove(id);
    state.filters.forget_agent(id);
    state.inverse_mut().forget_agent(id);
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
