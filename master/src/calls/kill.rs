//! KILL and SHUTDOWN.

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::call;

use super::reconcile;
use crate::input::Effect;
use crate::state::State;
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

/// Ends an executor by ending its tasks; sessions have no message for the executor itself.
pub(crate) fn shutdown(state: &State, framework: &FrameworkId, call: &call::Shutdown) -> Vec<Effect> {
    let Some(agent) = state.agents.get(call.agent_id.value.as_str()) else {
        return Vec::new();
    };
    let Some(session) = agent.session else {
        return Vec::new();
    };
    let executor = call.executor_id.value.as_str();
    let own = agent.tasks.iter().filter(|(owner, _)| owner == framework);
    let tasks = own.filter_map(|(owner, id)| state.task(owner.as_str(), id.as_str()));
    // A command task's executor has the id of its task.
    let its = tasks.filter(|t| {
        t.executor()
            .map_or_else(|| t.id().as_str() == executor, |e| e.as_str() == executor)
    });
    let kill = |task: &std::sync::Arc<crate::state::Task>| {
        let kill = session::KillTask {
            framework_id: Some(v1::FrameworkId {
                value: framework.to_string(),
            }),
            task_id: Some(task.wire.task_id.clone()),
            kill_policy: None,
        };
        Effect::ToAgent {
            session,
            message: Box::new(session::from_master::Message::KillTask(kill)),
        }
    };
    its.map(kill).collect()
}
