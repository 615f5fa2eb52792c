//! Whether what a scheduler sends makes sense. Messages are Mesos' own: clients and people match on them.

use std::collections::BTreeSet;

use mesolith_mesos::{AgentId, validate_id, validate_role};
use mesolith_proto::mesos::v1;
use v1::framework_info::capability::Type as Capability;
use v1::scheduler::{Call, call};

use crate::state::Framework;

/// What can be checked without state; the prefix is Mesos'.
pub fn call(call: &Call) -> Result<(), String> {
    check_call(call).map_err(|problem| format!("Failed to validate scheduler::Call: {problem}"))
}

fn check_call(call: &Call) -> Result<(), String> {
    // UNKNOWN is a type like any other here: what fails is finding the framework.
    if call.r#type.is_none() {
        return Err("Expecting 'type' to be present".into());
    }
    let kind = call.r#type();
    if kind == call::Type::Subscribe {
        let subscribe = call
            .subscribe
            .as_ref()
            .ok_or("Expecting 'subscribe' to be present")?;
        return same_id("subscribe", call.framework_id.as_ref(), &subscribe.framework_info);
    }
    if call.framework_id.is_none() {
        return Err("Expecting 'framework_id' to be present".into());
    }
    if let Some(missing) = missing_payload(call, kind) {
        return Err(format!("Expecting '{missing}' to be present"));
    }
    if let (call::Type::Acknowledge, Some(acknowledge)) = (kind, &call.acknowledge)
        && acknowledge.uuid.len() != 16
    {
        return Err("Not a valid UUID".into());
    }
    if let (call::Type::UpdateFramework, Some(update)) = (kind, &call.update_framework) {
        return same_id(
            "update_framework",
            call.framework_id.as_ref(),
            &update.framework_info,
        );
    }
    Ok(())
}

fn same_id(field: &str, of_call: Option<&v1::FrameworkId>, info: &v1::FrameworkInfo) -> Result<(), String> {
    let text = |id: Option<&v1::FrameworkId>| id.map(|id| id.value.clone()).unwrap_or_default();
    if text(of_call) == text(info.id.as_ref()) {
        return Ok(());
    }
    Err(format!("'framework_id' differs from '{field}.framework_info.id'"))
}

/// The payload that a call of this type needs and does not have.
fn missing_payload(call: &Call, kind: call::Type) -> Option<&'static str> {
    let (name, there) = match kind {
        call::Type::Accept => ("accept", call.accept.is_some()),
        call::Type::Decline => ("decline", call.decline.is_some()),
        call::Type::AcceptInverseOffers => ("accept_inverse_offers", call.accept_inverse_offers.is_some()),
        call::Type::DeclineInverseOffers => ("decline_inverse_offers", call.decline_inverse_offers.is_some()),
        call::Type::Kill => ("kill", call.kill.is_some()),
        call::Type::Shutdown => ("shutdown", call.shutdown.is_some()),
        call::Type::Acknowledge => ("acknowledge", call.acknowledge.is_some()),
        call::Type::AcknowledgeOperationStatus => (
            "acknowledge_operation_status",
            call.acknowledge_operation_status.is_some(),
        ),
        call::Type::Reconcile => ("reconcile", call.reconcile.is_some()),
        call::Type::ReconcileOperations => ("reconcile_operations", call.reconcile_operations.is_some()),
        call::Type::Message => ("message", call.message.is_some()),
        call::Type::Request => ("request", call.request.is_some()),
        call::Type::UpdateFramework => ("update_framework", call.update_framework.is_some()),
        call::Type::Unknown
        | call::Type::Subscribe
        | call::Type::Teardown
        | call::Type::Revive
        | call::Type::Suppress => return None,
    };
    (!there).then_some(name)
}

/// A framework's description; the answer is an ERROR event, not an HTTP status.
pub fn framework_info(info: &v1::FrameworkInfo, suppressed: &[String]) -> Result<(), String> {
    let multi_role = info
        .capabilities
        .iter()
        .any(|c| c.r#type() == Capability::MultiRole);
    let roles = if multi_role {
        multiple_roles(info)?
    } else {
        single_role(info)?
    };
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        validate_id(&id.value).map_err(|e| e.to_string())?;
    }
    match suppressed.iter().find(|role| !roles.contains(role)) {
        Some(role) => Err(format!(
            "Suppressed role '{role}' is not contained in the list of roles"
        )),
        None => Ok(()),
    }
}

fn multiple_roles(info: &v1::FrameworkInfo) -> Result<Vec<String>, String> {
    if info.role.is_some() {
        return Err("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".into());
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> = info
        .roles
        .iter()
        .filter(|role| !seen.insert(*role))
        .map(String::as_str)
        .collect();
    if !twice.is_empty() {
        let list: Vec<_> = twice.into_iter().collect();
        return Err(format!(
            "'FrameworkInfo.roles' contains duplicate items: {{ {} }}",
            list.join(", ")
        ));
    }
    for role in &info.roles {
        validate_role(role).map_err(|e| format!("'FrameworkInfo.roles' contains invalid role: {e}"))?;
    }
    Ok(info.roles.clone())
}

fn single_role(info: &v1::FrameworkInfo) -> Result<Vec<String>, String> {
    if !info.roles.is_empty() {
        return Err(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable".into(),
        );
    }
    let role = info
        .role
        .clone()
        .unwrap_or_else(|| mesolith_mesos::DEFAULT_ROLE.to_owned());
    validate_role(&role).map_err(|e| format!("'FrameworkInfo.role' is not a valid role: {e}"))?;
    Ok(vec![role])
}

/// A task before its resources are looked at.
pub fn task(
    info: &v1::TaskInfo,
    framework: &Framework,
    agent: &AgentId,
    in_group: bool,
) -> Result<(), String> {
    let id = &info.task_id.value;
    validate_id(id).map_err(|e| e.to_string())?;
    let taken =
        framework.tasks.contains_key(id.as_str()) || framework.unreachable_tasks.contains_key(id.as_str());
    if taken {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if info.agent_id.value != agent.as_str() {
        return Err(format!(
            "Task uses invalid agent {} while agent {agent} is expected",
            info.agent_id.value
        ));
    }
    if info.command.is_some() && info.executor.is_some()
        || (info.command.is_none() && info.executor.is_none() && !in_group)
    {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".into(),
        );
    }
    let grace = info
        .kill_policy
        .as_ref()
        .and_then(|p| p.grace_period.as_ref())
        .map_or(0, |g| g.nanoseconds);
    if grace < 0 {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".into());
    }
    if crate::wire::checked_resources(&info.resources)?.is_empty() {
        return Err("Task uses no resources".into());
    }
    Ok(())
}
