//! ACKNOWLEDGE: the framework has stored a status update; the agent may send the next one.

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::call;

use crate::input::Effect;
use crate::state::State;

/// Passes an acknowledgement on, and forgets a task whose end was acknowledged.
pub(crate) fn acknowledge(
    state: &mut State,
    framework: &FrameworkId,
    call: call::Acknowledge,
) -> Vec<Effect> {
    state.counters.acknowledgements += 1;
    let session = state
        .agents
        .get(call.agent_id.value.as_str())
        .and_then(|agent| agent.session);
    // Without its agent the acknowledgement is lost: the agent sends the update again.
    let Some(session) = session else { return Vec::new() };
    let task = call.task_id.value.as_str();
    if state
        .task(framework.as_str(), task)
        .is_some_and(|t| t.is_ended_by(&call.uuid))
    {
        complete(state, framework, task);
    }
    let acknowledge = session::Acknowledge {
        framework_id: Some(v1::FrameworkId {
            value: framework.to_string(),
        }),
        task_id: Some(call.task_id),
        uuid: call.uuid,
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::Acknowledge(acknowledge)),
    }]
}

/// Moves a task to those that have ended.
pub(crate) fn complete(state: &mut State, framework: &FrameworkId, task: &str) {
    let Some(task) = state.take_task(framework.as_str(), task) else {
        return;
    };
    let limit = state.config.max_completed_tasks;
    if let Some(framework) = state.framework_mut(framework.as_str()) {
        framework.complete(task, limit);
    }
}
