//! ACCEPT: operations on offered resources, and the rest goes back.

use std::collections::HashMap;

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use v1::offer::{Operation, operation};
use v1::scheduler::call;
use v1::task_status::Reason;

use super::accepted::Accepted;
use super::{decline, launch};
use crate::input::Effect;
use crate::state::State;
use crate::time::Time;

/// Accepts offers. A status update says what is wrong with a task, never an HTTP status.
pub(crate) fn accept(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    call: call::Accept,
    trace: HashMap<String, String>,
) -> Vec<Effect> {
    let ids: Vec<_> = call.offer_ids.iter().map(|id| id.value.as_str()).collect();
    let problem = validate(state, framework, &ids).err();
    let mut taken: Vec<_> = Vec::new();
    for id in &ids {
        if state.offers.get(*id).is_some_and(|o| o.framework == *framework) {
            taken.extend(state.take_offer(id));
        }
    }
    if let Some(problem) = problem {
        let message = format!("Task launched with invalid offers: {problem}");
        return launch::drop_all(
            state,
            now,
            framework,
            &call.operations,
            Reason::InvalidOffers,
            &message,
        );
    }
    let Some(first) = taken.first() else {
        return Vec::new();
    };
    state.counters.offers_accepted += taken.len() as u64;
    let mut accepted = Accepted {
        agent: first.agent.clone(),
        role: first.role.clone(),
        left: taken.iter().map(|offer| &offer.resources).sum(),
    };
    let mut effects = Vec::new();
    for operation in &call.operations {
        effects.extend(operate(state, now, framework, &mut accepted, operation, &trace));
    }
    decline::refuse(
        state,
        now,
        framework,
        &accepted.role,
        &accepted.agent,
        &accepted.left,
        call.filters.as_ref(),
    );
    effects
}

fn operate(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    accepted: &mut Accepted,
    operation: &Operation,
    trace: &HashMap<String, String>,
) -> Vec<Effect> {
    match operation.r#type() {
        operation::Type::Launch => {
            let tasks = operation
                .launch
                .as_ref()
                .map(|l| l.task_infos.as_slice())
                .unwrap_or_default();
            launch::launch(state, now, framework, accepted, tasks, trace)
        }
        operation::Type::LaunchGroup => match &operation.launch_group {
            Some(group) => launch::launch_group(state, now, framework, accepted, group, trace),
            None => Vec::new(),
        },
        operation::Type::Unknown
        | operation::Type::Reserve
        | operation::Type::Unreserve
        | operation::Type::Create
        | operation::Type::Destroy
        | operation::Type::GrowVolume
        | operation::Type::ShrinkVolume
        | operation::Type::CreateDisk
        | operation::Type::DestroyDisk => refuse_operation(state, framework, operation)
            .into_iter()
            .collect(),
    }
}

/// Refuses an operation. The framework is told only where the operation has an id.
fn refuse_operation(state: &State, framework: &FrameworkId, operation: &Operation) -> Option<Effect> {
    use v1::scheduler::{Event, event};
    let name = operation.r#type().as_str_name();
    tracing::warn!(%framework, operation = name, "refused: this master does not do it");
    let mut status = v1::OperationStatus {
        operation_id: Some(operation.id.clone()?),
        message: Some(format!("Operation {name} is not supported by this master")),
        ..Default::default()
    };
    status.set_state(v1::OperationState::OperationError);
    let update = event::UpdateOperationStatus { status };
    let mut event = Event {
        update_operation_status: Some(update),
        ..Default::default()
    };
    event.set_type(event::Type::UpdateOperationStatus);
    crate::updates::to_framework(state.frameworks.get(framework)?, event)
}

fn validate(state: &State, framework: &FrameworkId, ids: &[&str]) -> Result<(), String> {
    let mut first: Option<&crate::state::Offer> = None;
    for (i, id) in ids.iter().enumerate() {
        if ids[..i].contains(id) {
            return Err(format!("Duplicate offer {id} in offer list"));
        }
        let offer = state
            .offers
            .get(*id)
            .ok_or_else(|| format!("Offer {id} is no longer valid"))?;
        if offer.framework != *framework {
            return Err(format!("Offer {id} has invalid framework {}", offer.framework));
        }
        let first = first.get_or_insert(offer);
        if first.agent != offer.agent {
            return Err(format!(
                "Aggregated offers must belong to one single agent. Offer {id} uses agent {}",
                offer.agent
            ));
        }
        if first.role != offer.role {
            return Err(format!(
                "Aggregated offers must be allocated to the same role. Offer {id} uses role {}",
                offer.role
            ));
        }
    }
    if ids.is_empty() {
        Err("No offers specified".into())
    } else {
        Ok(())
    }
}
