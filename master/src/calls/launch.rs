//! LAUNCH and LAUNCH_GROUP on accepted offers.
//!
//! A launch is checked whole before anything is charged, so there is nothing to undo when it is refused. What the agent
//! refuses later comes back as status updates for tasks and as the exit of an executor that never started.

use std::collections::{BTreeSet, HashMap};

use mesolith_mesos::{ExecutorId, FrameworkId, Resources, TaskState};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::offer::{Operation, operation};
use v1::task_status::Reason;

use super::accepted::Accepted;
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
    let executors = tasks.iter().filter_map(|info| info.executor.as_ref());
    if let Err(problem) = well_formed(tasks, executors) {
        return refuse_all(state, now, framework, tasks, Reason::TaskInvalid, &problem);
    }
    let running = running_executors(state, framework, accepted);
    let mut effects = Vec::new();
    let mut good = Vec::new();
    for info in completed(tasks, &accepted.role) {
        let valid = place(state, framework, accepted).and_then(|place| validate::task(&info, place));
        let tasks = std::slice::from_ref(&info);
        let charged = valid.and_then(|()| {
            charge(
                state,
                framework,
                accepted,
                tasks,
                info.executor.as_ref(),
                "task and its executor is",
            )
        });
        match charged {
            Ok(charged) => good.extend(charged),
            Err(problem) => {
                effects.extend(refuse(
                    state,
                    now,
                    framework,
                    &info,
                    Reason::TaskInvalid,
                    &problem,
                ));
            }
        }
    }
    effects.extend(run(state, framework, accepted, good, None, running, trace));
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
    let given = &group.task_group.tasks;
    let tasks = completed(given, &accepted.role);
    let mut executor = group.executor.clone();
    allocate(&mut executor.resources, &accepted.role);
    let running = running_executors(state, framework, accepted);
    let charged = well_formed(given, std::iter::once(&group.executor))
        .and_then(|()| place(state, framework, accepted))
        .and_then(|place| validate::group(&tasks, &executor, place))
        .and_then(|()| {
            let needed_by = "task group and its executor are";
            charge(state, framework, accepted, &tasks, Some(&executor), needed_by)
        });
    match charged {
        Ok(charged) => run(
            state,
            framework,
            accepted,
            charged,
            Some(&executor),
            running,
            trace,
        ),
        Err(problem) => refuse_all(state, now, framework, given, Reason::TaskGroupInvalid, &problem),
    }
}

fn well_formed<'a>(
    tasks: &[v1::TaskInfo],
    executors: impl Iterator<Item = &'a v1::ExecutorInfo>,
) -> Result<(), String> {
    let of_tasks = tasks.iter().map(|info| &info.resources);
    of_tasks
        .chain(executors.map(|info| &info.resources))
        .try_for_each(|resources| validate::well_formed(resources))
}

/// Tasks with what Mesos adds: the type of a health check, and the role whose resources are used.
fn completed(tasks: &[v1::TaskInfo], role: &str) -> Vec<v1::TaskInfo> {
    let mut tasks = tasks.to_vec();
    for info in &mut tasks {
        if let Some(check) = &mut info.health_check {
            validate::infer_type(check);
        }
        allocate(&mut info.resources, role);
        if let Some(executor) = &mut info.executor {
            allocate(&mut executor.resources, role);
        }
    }
    tasks
}

fn allocate(resources: &mut [v1::Resource], role: &str) {
    for resource in resources {
        let allocation = resource.allocation_info.get_or_insert_default();
        allocation.role.get_or_insert_with(|| role.to_owned());
    }
}

fn place<'a>(
    state: &'a State,
    framework: &FrameworkId,
    accepted: &Accepted,
) -> Result<validate::Place<'a>, String> {
    Ok(validate::Place {
        framework: state
            .frameworks
            .get(framework)
            .ok_or("Framework cannot be found")?,
        agent: state.agents.get(&accepted.agent).ok_or("Agent removed")?,
    })
}

/// The framework's executors that the agent should have by now.
fn running_executors(state: &State, framework: &FrameworkId, accepted: &Accepted) -> BTreeSet<ExecutorId> {
    let agent = state.agents.get(&accepted.agent);
    let all = agent.into_iter().flat_map(|agent| agent.executors.keys());
    all.filter(|(owner, _)| owner == framework)
        .map(|(_, id)| id.clone())
        .collect()
}

/// Takes what tasks and their executor need from what is left, and records them. Changes nothing if they need more.
fn charge(
    state: &mut State,
    framework: &FrameworkId,
    accepted: &mut Accepted,
    tasks: &[v1::TaskInfo],
    executor: Option<&v1::ExecutorInfo>,
    needed_by: &str,
) -> Result<Vec<v1::TaskInfo>, String> {
    let known = running_executors(state, framework, accepted);
    let of_executor = match executor {
        Some(info) => wire::checked_resources(&info.resources)?,
        None => Resources::default(),
    };
    let executor = executor.map(|info| v1::ExecutorInfo {
        framework_id: Some(v1::FrameworkId {
            value: framework.to_string(),
        }),
        ..info.clone()
    });
    let new = executor
        .as_ref()
        .filter(|info| !known.contains(info.executor_id.value.as_str()));
    let of_tasks: Vec<_> = tasks
        .iter()
        .map(|info| wire::checked_resources(&info.resources))
        .collect::<Result<_, _>>()?;
    let mut asked: Resources = of_tasks.iter().sum();
    if new.is_some() {
        asked += &of_executor;
    }
    accepted.left = accepted.left.checked_sub(&asked).map_err(|short| {
        format!(
            "Total resources {} required by {needed_by} more than available {}",
            short.asked, short.have
        )
    })?;
    if let Some(info) = new {
        put_executor(state, framework, accepted, info.clone(), of_executor);
    }
    let put = |(info, resources): (&v1::TaskInfo, Resources)| {
        let mut info = info.clone();
        info.executor.clone_from(&executor);
        let user = info.command.as_ref().and_then(|c| c.user.clone());
        state.put_task(Task::launched(framework, &info, resources, user));
        info
    };
    Ok(tasks.iter().zip(of_tasks).map(put).collect())
}

fn put_executor(
    state: &mut State,
    framework: &FrameworkId,
    accepted: &Accepted,
    info: v1::ExecutorInfo,
    resources: Resources,
) {
    let key = (
        framework.clone(),
        ExecutorId::from(info.executor_id.value.as_str()),
    );
    state.charge(&accepted.agent, framework, &resources);
    if let Some(agent) = state.agent_mut(accepted.agent.as_str()) {
        agent.executors.insert(key, Executor { info, resources });
    }
}

/// Sends tasks to their agent if it is connected. If not, they end as dropped when it comes back.
fn run(
    state: &State,
    framework: &FrameworkId,
    accepted: &Accepted,
    tasks: Vec<v1::TaskInfo>,
    executor: Option<&v1::ExecutorInfo>,
    running: BTreeSet<ExecutorId>,
    trace: &HashMap<String, String>,
) -> Vec<Effect> {
    let session = state.agents.get(&accepted.agent).and_then(|agent| agent.session);
    let (Some(session), Some(known), false) = (session, state.frameworks.get(framework), tasks.is_empty())
    else {
        return Vec::new();
    };
    let used = tasks
        .iter()
        .filter_map(|info| info.executor.as_ref())
        .chain(executor);
    let used: BTreeSet<_> = used.map(|info| info.executor_id.value.as_str()).collect();
    let running_executors = running
        .into_iter()
        .filter(|id| used.contains(id.as_str()))
        .map(|id| v1::ExecutorId {
            value: id.to_string(),
        })
        .collect();
    let run = session::RunTasks {
        framework: Some(known.info.clone()),
        tasks,
        group: executor.is_some(),
        executor: executor.cloned(),
        trace: trace.clone(),
        running_executors,
    };
    vec![Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::RunTasks(run)),
    }]
}

fn refuse_all<'a>(
    state: &State,
    now: Time,
    framework: &FrameworkId,
    tasks: impl IntoIterator<Item = &'a v1::TaskInfo>,
    reason: Reason,
    message: &str,
) -> Vec<Effect> {
    tasks
        .into_iter()
        .filter_map(|info| refuse(state, now, framework, info, reason, message))
        .collect()
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

/// Drops all tasks of a call, since none of its operations can be done.
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
    refuse_all(state, now, framework, launched.chain(grouped), reason, message)
}
