//! RECONCILE: tells again what the master knows about tasks.

use mesolith_mesos::{FrameworkId, TaskState};
use mesolith_proto::mesos::v1;
use v1::scheduler::call;
use v1::task_status::Reason;

use crate::input::Effect;
use crate::state::{Decision, State};
use crate::time::Time;
use crate::updates::{master_status, update};

/// Explicit: an answer for each task named. Implicit (none named): one for each task that has not ended.
pub(crate) fn reconcile(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    tasks: &[call::reconcile::Task],
) -> Vec<Effect> {
    if tasks.is_empty() {
        let Some(known) = state.frameworks.get(framework) else {
            return Vec::new();
        };
        let running = known.tasks.values().filter(|task| !task.state().is_terminal());
        return running
            .filter_map(|task| one(state, now, framework, &task.wire.task_id, None))
            .collect();
    }
    let answer = |task: &call::reconcile::Task| {
        one(
            state,
            now,
            framework,
            &task.task_id,
            task.agent_id.as_ref().map(|id| id.value.as_str()),
        )
    };
    tasks.iter().filter_map(answer).collect()
}

/// The answer about one task; none while its agent may still come back after a failover.
pub(crate) fn one(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    task: &v1::TaskId,
    agent: Option<&str>,
) -> Option<Effect> {
    let known = state.frameworks.get(framework)?;
    let tell = |agent: Option<&str>, told: TaskState, message: &str| {
        master_status(
            now,
            task,
            agent,
            told,
            Reason::Reconciliation,
            format!("Reconciliation: {message}"),
        )
    };
    if let Some(there) = known.tasks.get(task.value.as_str()) {
        let mut status = tell(Some(there.agent().as_str()), there.state(), "Latest task state");
        status.executor_id.clone_from(&there.wire.executor_id);
        let last = there.wire.statuses.last();
        status.healthy = last.and_then(|s| s.healthy);
        status.container_status = last.and_then(|s| s.container_status.clone());
        return update(state, framework.as_str(), status);
    }
    let status = match agent {
        Some(id) if state.agents.contains_key(id) => {
            tell(agent, TaskState::Gone, "Task is unknown to the agent")
        }
        Some(id) if state.unreachable.contains_key(id) => {
            let mut status = tell(agent, TaskState::Unreachable, "Task is unreachable");
            let since = state.unreachable.get(id).copied().unwrap_or_default();
            status.unreachable_time = Some(v1::TimeInfo {
                nanoseconds: since.nanoseconds(),
            });
            status
        }
        Some(id) if matches!(state.decisions.get(id), Some(Decision::Gone(_))) => {
            tell(agent, TaskState::GoneByOperator, "Task is gone")
        }
        Some(id) if state.left.contains_key(id) => tell(agent, TaskState::Gone, "Task is gone"),
        _ if may_come_back(state, now, framework, agent) => return None,
        _ => tell(agent, TaskState::Unknown, "Task is unknown"),
    };
    update(state, framework.as_str(), status)
}

/// After a failover, agents of the last master may still come back: UNKNOWN would be wrong, so nothing is answered.
fn may_come_back(state: &State, now: Time, framework: &FrameworkId, agent: Option<&str>) -> bool {
    let waiting = state
        .elected
        .is_some_and(|at| now.since(at) < state.config.reregister_timeout);
    let from_before = match agent {
        Some(id) => !state.is_ours(id),
        None => !state.is_ours(framework.as_str()),
    };
    waiting && from_before
}
