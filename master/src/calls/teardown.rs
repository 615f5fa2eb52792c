//! TEARDOWN, and the end of a framework for any other reason: its tasks end with it.

use mesolith_mesos::{FrameworkId, TaskState};
use mesolith_proto::mesos::v1::task_status::Reason;
use mesolith_proto::session::v1 as session;

use crate::input::{Effect, SessionId};
use crate::state::State;
use crate::time::Time;
use crate::updates::master_status;

/// Ends a framework: its tasks are killed, its offers return, its id is refused for ever after.
pub(crate) fn remove(state: &mut State, now: Time, id: &FrameworkId) -> Vec<Effect> {
    let Some(framework) = state.frameworks.get(id).cloned() else {
        return Vec::new();
    };
    for offer in &framework.offers {
        state.take_offer(offer.as_str());
    }
    for task in framework.tasks.keys() {
        let Some(mut task) = state.take_task(id.as_str(), task.as_str()) else {
            continue;
        };
        if !task.state().is_terminal() {
            let (agent, message) = (task.agent(), format!("Framework {id} removed"));
            let reason = Reason::FrameworkRemoved;
            let status = master_status(
                now,
                &task.wire.task_id,
                Some(agent.as_str()),
                TaskState::Killed,
                reason,
                message,
            );
            task.set_state(TaskState::Killed);
            task.record(&status);
            state.counters.ended(TaskState::Killed);
        }
        remember(state, id, task);
    }
    let mut effects: Vec<_> = agents_of(state, id)
        .into_iter()
        .map(|session| shut_down(session, id))
        .collect();
    for agent in state.agents.values_mut().filter(|a| a.used.contains_key(id)) {
        let agent = std::sync::Arc::make_mut(agent);
        agent.used.remove(id);
        agent.executors.retain(|(owner, _), _| owner != id);
    }
    state.filters.forget_framework(id);
    state.inverse_mut().forget_framework(id);
    let Some(mut framework) = state.frameworks.remove(id) else {
        return effects;
    };
    let ended = std::sync::Arc::make_mut(&mut framework);
    if let Some(stream) = ended.stream.take() {
        state.streams.remove(&stream);
        effects.push(Effect::EndStream { stream });
    }
    ended.unregistered = Some(now);
    ended.remove_at = None;
    state.completed.push_back(framework);
    while state.completed.len() > state.config.max_completed_frameworks {
        state.completed.pop_front();
    }
    effects
}

fn remember(state: &mut State, id: &FrameworkId, task: crate::state::Task) {
    let limit = state.config.max_completed_tasks;
    if let Some(framework) = state.framework_mut(id.as_str()) {
        framework.complete(task, limit);
    }
}

/// All connected agents: one may have a launch on its way, and one with nothing of the framework ignores the message.
fn agents_of(state: &State, _id: &FrameworkId) -> Vec<SessionId> {
    state.agents.values().filter_map(|agent| agent.session).collect()
}

/// Asks an agent to end all of a framework.
pub(crate) fn shut_down(session: SessionId, id: &FrameworkId) -> Effect {
    let framework_id = Some(mesolith_proto::mesos::v1::FrameworkId {
        value: id.to_string(),
    });
    let message =
        session::from_master::Message::ShutdownFramework(session::ShutdownFramework { framework_id });
    Effect::ToAgent {
        session,
        message: Box::new(message),
    }
}
