//! Executors that frameworks bring along.

use mesolith_mesos::{ExecutorId, Scalar, validate_id};
use mesolith_proto::mesos::v1;
use v1::executor_info::Type;

use super::place::Place;
use super::{command, container, resources};
use crate::wire;

/// The least that a group's executor may ask for, as in Mesos.
const MIN_CPUS: Scalar = Scalar::from_millis(10);
/// In megabytes.
const MIN_MEMORY: Scalar = Scalar::from_millis(32_000);

/// The executor of a task that is launched by itself.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn of_task(info: &v1::ExecutorInfo, place: Place) -> Result<(), String> {
    // Clients that are older than the field mean their own executor.
    let kind = info.r#type.map_or(Type::Custom, |_| info.r#type());
    executor(info, kind, place)?;
    match kind {
        Type::Custom => Ok(()),
        Type::Default | Type::Unknown => Err("'ExecutorInfo.type' must be 'CUSTOM'".into()),
    }
}

/// The executor of a task group.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn of_group(info: &v1::ExecutorInfo, place: Place) -> Result<(), String> {
    if info.r#type.is_none() {
        return Err("'ExecutorInfo.type' must be set".into());
    }
    if info.framework_id.is_none() {
        return Err("'ExecutorInfo.framework_id' must be set".into());
    }
    executor(info, info.r#type(), place)?;
    if info
        .container
        .as_ref()
        .is_some_and(|c| c.r#type() == v1::container_info::Type::Docker)
    {
        return Err("Docker ContainerInfo is not supported on the executor".into());
    }
    enough(info)
}

fn executor(info: &v1::ExecutorInfo, kind: Type, place: Place) -> Result<(), String> {
    what_it_runs(info, kind)?;
    validate_id(&info.executor_id.value).map_err(|e| e.to_string())?;
    if info
        .shutdown_grace_period
        .as_ref()
        .is_some_and(|grace| grace.nanoseconds < 0)
    {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".into());
    }
    if let Some(wanted) = &info.command {
        command::command(wanted)
            .map_err(|problem| format!("Executor's `CommandInfo` is invalid: {problem}"))?;
    }
    if let Some(wanted) = &info.container {
        container::container(wanted)
            .map_err(|problem| format!("Executor's `ContainerInfo` is invalid: {problem}"))?;
    }
    let expected = place.framework_id();
    if let Some(actual) = info
        .framework_id
        .as_ref()
        .filter(|id| id.value != expected.as_str())
    {
        return Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {expected})",
            actual.value
        ));
    }
    resources::of_one("Executor", &info.resources)?;
    let key = (
        expected.clone(),
        ExecutorId::from(info.executor_id.value.as_str()),
    );
    match place.agent.executors.get(&key) {
        Some(there) if !is_same(&there.info, info) => {
            Err("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.".into())
        }
        _ => Ok(()),
    }
}

fn what_it_runs(info: &v1::ExecutorInfo, kind: Type) -> Result<(), String> {
    match kind {
        Type::Default if info.command.is_some() => {
            Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".into())
        }
        Type::Default => match &info.container {
            Some(container) if container.r#type() != v1::container_info::Type::Mesos => {
                Err("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor".into())
            }
            Some(container)
                if container
                    .mesos
                    .as_ref()
                    .is_some_and(|mesos| mesos.image.is_some()) =>
            {
                Err("'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor".into())
            }
            _ => Ok(()),
        },
        Type::Custom if info.command.is_none() => {
            Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".into())
        }
        Type::Custom | Type::Unknown => Ok(()),
    }
}

fn enough(info: &v1::ExecutorInfo) -> Result<(), String> {
    let (id, resources) = (&info.executor_id.value, wire::to_resources(&info.resources));
    let amounts = resources.scalars();
    let missing = "None".to_owned();
    let (cpus, memory) = (amounts.get("cpus"), amounts.get("mem"));
    if cpus.is_none_or(|cpus| *cpus < MIN_CPUS) {
        let cpus = cpus.map_or(missing, Scalar::to_string);
        return Err(format!(
            "Executor '{id}' uses less CPUs ({cpus}) than the minimum required ({MIN_CPUS})"
        ));
    }
    if memory.is_none_or(|memory| *memory < MIN_MEMORY) {
        let memory = memory.map_or(missing, |memory| format!("{memory}MB"));
        return Err(format!(
            "Executor '{id}' uses less memory ({memory}) than the minimum required ({MIN_MEMORY}MB)"
        ));
    }
    if !amounts.contains_key("disk") {
        return Err(format!("Executor '{id}' uses no disk"));
    }
    Ok(())
}

/// Whether both describe the same executor. The master fills some fields in, and the order of resources is ignored.
fn is_same(known: &v1::ExecutorInfo, new: &v1::ExecutorInfo) -> bool {
    let plain = |info: &v1::ExecutorInfo| v1::ExecutorInfo {
        framework_id: None,
        r#type: Some(info.r#type.unwrap_or(Type::Custom as i32)),
        resources: Vec::new(),
        ..info.clone()
    };
    let amounts = |info: &v1::ExecutorInfo| wire::to_resources(&info.resources).unallocate();
    plain(known) == plain(new) && amounts(known) == amounts(new)
}
