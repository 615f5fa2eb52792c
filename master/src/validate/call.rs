//! The form of a scheduler call: type, payload, and ids that must agree.

use mesolith_proto::mesos::v1;
use v1::scheduler::{Call, call};

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
