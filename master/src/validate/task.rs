//! Tasks and task groups, and the executors that they bring along.

use mesolith_mesos::validate_id;
use mesolith_proto::mesos::v1;

use super::place::Place;
use super::{check, command, container, executor, resources};

/// A task that is launched by itself, before its resources are compared with what is offered.
///
/// # Errors
/// With Mesos' sentence.
pub(crate) fn task(info: &v1::TaskInfo, place: Place) -> Result<(), String> {
    common(info, place)?;
    if info.command.is_some() == info.executor.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".into(),
        );
    }
    if let Some(executor) = &info.executor {
        executor::of_task(executor, place)?;
    }
    if !shares_cgroups(info) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".into());
    }
    Ok(())
}

/// A task group and its executor, before their resources are compared with what is offered.
///
/// # Errors
/// With Mesos' sentence.
pub(crate) fn group(
    tasks: &[v1::TaskInfo],
    group_executor: &v1::ExecutorInfo,
    place: Place,
) -> Result<(), String> {
    for (i, info) in tasks.iter().enumerate() {
        let id = &info.task_id.value;
        task_of_group(info, place)
            .and_then(|()| match tasks[..i].iter().any(|t| t.task_id.value == *id) {
                true => Err(duplicate(id)),
                false => Ok(()),
            })
            .map_err(|problem| format!("Task '{id}' is invalid: {problem}"))?;
        if info.executor.as_ref().is_some_and(|own| own != group_executor) {
            return Err(format!(
                "The `ExecutorInfo` of task '{id}' is different from executor '{}'",
                group_executor.executor_id.value
            ));
        }
    }
    let mut sharing = tasks.iter().map(shares_cgroups);
    let first = sharing.next();
    if sharing.any(|shares| Some(shares) != first) {
        return Err(
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single \
             executor"
                .into(),
        );
    }
    executor::of_group(group_executor, place)
}

fn task_of_group(info: &v1::TaskInfo, place: Place) -> Result<(), String> {
    common(info, place)?;
    if info
        .container
        .as_ref()
        .is_some_and(|c| c.r#type() == v1::container_info::Type::Docker)
    {
        return Err("Docker ContainerInfo is not supported on the task".into());
    }
    if !info.limits.is_empty() && shares_cgroups(info) {
        return Err(
            "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to \
             'false'."
                .into(),
        );
    }
    Ok(())
}

/// What holds for every task.
fn common(info: &v1::TaskInfo, place: Place) -> Result<(), String> {
    let id = &info.task_id.value;
    validate_id(id).map_err(|e| e.to_string())?;
    let framework = place.framework;
    if framework.tasks.contains_key(id.as_str()) || framework.unreachable_tasks.contains_key(id.as_str()) {
        return Err(duplicate(id));
    }
    let (given, expected) = (&info.agent_id.value, place.agent_id());
    if given != expected.as_str() {
        return Err(format!(
            "Task uses invalid agent {given} while agent {expected} is expected"
        ));
    }
    let grace = info
        .kill_policy
        .as_ref()
        .and_then(|policy| policy.grace_period.as_ref());
    if grace.is_some_and(|grace| grace.nanoseconds < 0) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".into());
    }
    if info
        .max_completion_time
        .as_ref()
        .is_some_and(|time| time.nanoseconds < 0)
    {
        return Err("Task's `max_completion_time` must be non-negative".into());
    }
    if let Some(wanted) = &info.check {
        check::check(wanted).map_err(|problem| format!("Task uses invalid check: {problem}"))?;
    }
    if let Some(wanted) = &info.health_check {
        check::health_check(wanted)
            .map_err(|problem| format!("Task uses invalid health check: {problem}"))?;
    }
    if info.resources.is_empty() {
        return Err("Task uses no resources".into());
    }
    resources::of_one("Task", &info.resources)?;
    if let Some(wanted) = &info.command {
        command::command(wanted).map_err(|problem| format!("Task's `CommandInfo` is invalid: {problem}"))?;
    }
    if let Some(wanted) = &info.container {
        container::container(wanted)
            .map_err(|problem| format!("Task's `ContainerInfo` is invalid: {problem}"))?;
    }
    limits(info)
}

fn duplicate(id: &str) -> String {
    format!("Task has duplicate ID: {id}")
}

fn limits(info: &v1::TaskInfo) -> Result<(), String> {
    if info.limits.keys().any(|name| name != "cpus" && name != "mem") {
        return Err("Only cpus and mem may be included in a task's resource limits".into());
    }
    for (name, short, word) in [("cpus", "CPU", "cpu"), ("mem", "memory", "memory")] {
        let Some(limit) = info.limits.get(name) else {
            continue;
        };
        let asked = info.resources.iter().filter(|r| r.name == name);
        let asked: Vec<_> = asked.filter_map(|r| r.scalar.as_ref()).map(|s| s.value).collect();
        if asked.is_empty() {
            return Err(format!(
                "When a {short} limit is specified, a {short} request must also be specified"
            ));
        }
        if limit.value.is_nan() || limit.value < asked.iter().sum() {
            return Err(format!(
                "The {word} limit must be greater than or equal to the {word} request"
            ));
        }
    }
    Ok(())
}

fn shares_cgroups(info: &v1::TaskInfo) -> bool {
    let linux = info.container.as_ref().and_then(|c| c.linux_info.as_ref());
    linux.is_none_or(v1::LinuxInfo::share_cgroups)
}
