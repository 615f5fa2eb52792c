//! LAUNCH and LAUNCH_GROUP on accepted offers.

use std::collections::HashMap;

use mesolith_mesos::{ExecutorId, FrameworkId, Resources, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::offer::{Operation, operation};
use v1::task_status::Reason;

use super::accept::Accepted;
use crate::input::Effect;
use crate::state::{Executor, State, Task};
use crate::time::Time;
use crate::updates::{master_status, update};
use crate::{validate, wire};

/// Launches tasks one by one: a bad one does not stop the next.
pub(crate) fn launch(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    accepted: &mut Accepted,
    tasks: &[v1::TaskInfo],
    trace: &HashMap<String, String>,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut good = Vec::new();
    for info in tasks {
        match charge(state, framework, accepted, info, None) {
            Ok(info) => good.push(info),
            Err(problem) => {
                effects.extend(refuse(state, now, framework, info, Reason::TaskInvalid, &problem))
            }
        }
    }
    effects.extend(run(state, framework, accepted, good, None, trace));
    effects
}

/// Launches a group: all of it, or nothing.
pub(crate) fn launch_group(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    accepted: &mut Accepted,
    group: &operation::LaunchGroup,
    trace: &HashMap<String, String>,
) -> Vec<Effect> {
    let infos = &group.task_group.tasks;
    let left = accepted.left.clone();
    let mut good = Vec::new();
    let mut problem = None;
    for (i, info) in infos.iter().enumerate() {
        match charge(
            state,
            framework,
            accepted,
            info,
            (i == 0).then_some(&group.executor),
        ) {
            Ok(info) => good.push(info),
            Err(error) => {
                problem = Some(error);
                break;
            }
        }
    }
    let Some(problem) = problem else {
        return run(state, framework, accepted, good, Some(&group.executor), trace);
    };
    for info in good {
        state.take_task(framework.as_str(), &info.task_id.value);
    }
    // The group's executor, if it was new, goes with the group.
    let key = (
        framework.clone(),
        ExecutorId::from(group.executor.executor_id.value.as_str()),
    );
    release_executor(state, accepted, &key);
    accepted.left = left;
    let message = format!("Task group is invalid: {problem}");
    let refused = infos.iter();
    refused
        .filter_map(|info| refuse(state, now, framework, info, Reason::TaskGroupInvalid, &message))
        .collect()
}

/// Checks a task against what is left and takes its resources from it.
fn charge(
    state: &mut State,
    framework: &FrameworkId,
    accepted: &mut Accepted,
    info: &v1::TaskInfo,
    group_executor: Option<&v1::ExecutorInfo>,
) -> Result<v1::TaskInfo, String> {
    let known = state
        .frameworks
        .get(framework)
        .ok_or("Framework cannot be found")?;
    validate::task(info, known, &accepted.agent, group_executor.is_some())?;
    let of_task = wire::to_resources(&info.resources)
        .unallocate()
        .allocate(&accepted.role);
    let executor = info.executor.as_ref().or(group_executor);
    let key = executor.map(|e| (framework.clone(), ExecutorId::from(e.executor_id.value.as_str())));
    let agent = state.agents.get(&accepted.agent).ok_or("Agent removed")?;
    let new = key.as_ref().is_some_and(|key| !agent.executors.contains_key(key));
    let of_executor = match executor {
        Some(executor) if new => wire::to_resources(&executor.resources)
            .unallocate()
            .allocate(&accepted.role),
        _ => Resources::default(),
    };
    let asked = of_task.clone() + &of_executor;
    let left = accepted.left.checked_sub(&asked).map_err(|short| {
        format!(
            "Total resources {} required by task and its executor is more than available {}",
            short.asked, short.have
        )
    })?;
    accepted.left = left;
    if let (Some(key), Some(executor), true) = (key, executor, new) {
        let mut described = executor.clone();
        described.framework_id = Some(v1::FrameworkId {
            value: framework.to_string(),
        });
        let entry = Executor {
            info: described,
            resources: of_executor.clone(),
        };
        if let Some(agent) = state.agent_mut(accepted.agent.as_str()) {
            agent.executors.insert(key, entry);
        }
        state.charge(&accepted.agent, framework, &of_executor);
    }
    let mut info = info.clone();
    info.resources = wire::from_resources(&of_task);
    let user = info.command.as_ref().and_then(|c| c.user.clone());
    let mut task = Task::launched(framework, &info, of_task, user);
    if let (Some(executor), None) = (group_executor, &info.executor) {
        task.wire.executor_id = Some(executor.executor_id.clone());
    }
    state.put_task(task);
    Ok(info)
}

fn release_executor(state: &mut State, accepted: &Accepted, key: &(FrameworkId, ExecutorId)) {
    let in_use = state.agents.get(&accepted.agent).is_some_and(|agent| {
        let tasks = agent.tasks.iter().filter(|(owner, _)| *owner == key.0);
        tasks
            .filter_map(|(owner, id)| state.task(owner.as_str(), id.as_str()))
            .any(|t| t.executor().as_ref() == Some(&key.1))
    });
    let Some(agent) = state.agent_mut(accepted.agent.as_str()).filter(|_| !in_use) else {
        return;
    };
    if let Some(executor) = agent.executors.remove(key) {
        state.release(&accepted.agent, &key.0, &executor.resources);
    }
}

/// Sends tasks to their agent, if it is there; if not, they show as lost on the way when it comes back.
fn run(
    state: &State,
    framework: &FrameworkId,
    accepted: &Accepted,
    tasks: Vec<v1::TaskInfo>,
    executor: Option<&v1::ExecutorInfo>,
    trace: &HashMap<String, String>,
) -> Vec<Effect> {
    let session = state.agents.get(&accepted.agent).and_then(|agent| agent.session);
    let (Some(session), Some(known), false) = (session, state.frameworks.get(framework), tasks.is_empty())
    else {
        return Vec::new();
    };
    let run = session::RunTasks {
        framework: Some(known.info.clone()),
        tasks,
        group: executor.is_some(),
        executor: executor.cloned(),
        trace: trace.clone(),
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::RunTasks(run)),
    }]
}

fn refuse(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    info: &v1::TaskInfo,
    reason: Reason,
    message: &str,
) -> Option<Effect> {
    let agent = Some(info.agent_id.value.as_str());
    let state_told = if reason == Reason::InvalidOffers {
        TaskState::Dropped
    } else {
        TaskState::Error
    };
    let status = master_status(now, &info.task_id, agent, state_told, reason, message);
    update(state, framework.as_str(), status)
}

/// No operation of the call can be done: its tasks are dropped.
pub(crate) fn drop_all(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    operations: &[Operation],
    reason: Reason,
    message: &str,
) -> Vec<Effect> {
    let launched = operations
        .iter()
        .flat_map(|o| o.launch.iter().flat_map(|l| &l.task_infos));
    let grouped = operations
        .iter()
        .flat_map(|o| o.launch_group.iter().flat_map(|g| &g.task_group.tasks));
    launched
        .chain(grouped)
        .filter_map(|info| refuse(state, now, framework, info, reason, message))
        .collect()
}
