//! KILL and SHUTDOWN.

use std::sync::Arc;

use mesolith_mesos::{ExecutorId, FrameworkId};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::call;

use super::reconcile;
use crate::input::Effect;
use crate::state::{State, Task};
use crate::time::Time;

/// Asks the task's agent to end it. A task that nobody knows is answered as RECONCILE answers it.
pub(crate) fn kill(state: &State, now: Time, framework: &FrameworkId, call: &call::Kill) -> Vec<Effect> {
    let Some(task) = state.task(framework.as_str(), &call.task_id.value) else {
        let agent = call.agent_id.as_ref().map(|id| id.value.as_str());
        return reconcile::one(state, now, framework, &call.task_id, agent)
            .into_iter()
            .collect();
    };
    // While its agent is away the kill cannot be sent; the framework tries again, as with Mesos.
    let Some(session) = state.agents.get(&task.agent()).and_then(|agent| agent.session) else {
        return Vec::new();
    };
    let kill = session::KillTask {
        framework_id: Some(v1::FrameworkId {
            value: framework.to_string(),
        }),
        task_id: Some(call.task_id.clone()),
        kill_policy: call.kill_policy,
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::KillTask(kill)),
    }]
}

/// Ends an executor. A command task's executor has the id of its task, and ends with it.
pub(crate) fn shutdown(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    call: &call::Shutdown,
) -> Vec<Effect> {
    let Some(agent) = state.agents.get(call.agent_id.value.as_str()) else {
        return Vec::new();
    };
    let executor = ExecutorId::from(call.executor_id.value.as_str());
    if !agent.executors.contains_key(&(framework.clone(), executor)) {
        let command_task = state
            .task(framework.as_str(), &call.executor_id.value)
            .filter(|task| task.executor().is_none() && task.agent() == agent.id);
        let kill = |task: &Arc<Task>| call::Kill {
            task_id: task.wire.task_id.clone(),
            agent_id: None,
            kill_policy: None,
        };
        return command_task
            .map(|task| self::kill(state, now, framework, &kill(task)))
            .unwrap_or_default();
    }
    let Some(session) = agent.session else {
        return Vec::new();
    };
    let shutdown = session::ShutdownExecutor {
        framework_id: Some(v1::FrameworkId {
            value: framework.to_string(),
        }),
        executor_id: Some(call.executor_id.clone()),
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::ShutdownExecutor(shutdown)),
    }]
}
