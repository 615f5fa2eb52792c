//! The scheduler calls, one file each: `(&mut State, call) -> effects`.

pub(crate) mod accept;
mod accepted;
pub(crate) mod acknowledge;
pub(crate) mod decline;
pub(crate) mod kill;
pub(crate) mod launch;
pub(crate) mod message;
pub(crate) mod reconcile;
pub(crate) mod revive;
pub(crate) mod subscribe;
pub(crate) mod teardown;
pub(crate) mod update_framework;

use std::collections::HashMap;

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1::scheduler::{Call, call};

use crate::input::{Answer, Effect};
use crate::inverse;
use crate::state::State;
use crate::time::Time;

/// Whether a call may be made on this stream. The order of the checks is what clients see.
pub(crate) fn admit(state: &State, framework: &FrameworkId, stream: Option<&str>) -> Result<(), Answer> {
    let Some(known) = state.frameworks.get(framework) else {
        return Err(Answer::BadRequest("Framework cannot be found".into()));
    };
    let Some(current) = &known.stream else {
        return Err(Answer::Forbidden("Framework is not subscribed".into()));
    };
    match stream {
        None => Err(Answer::BadRequest(
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header".into(),
        )),
        Some(given) if given != current.0 => Err(Answer::BadRequest(format!(
            "The stream ID '{given}' included in this request didn't match the stream ID currently associated with \
             framework ID {framework}"
        ))),
        Some(_) => Ok(()),
    }
}

/// Does an admitted call.
pub(crate) fn dispatch(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    call: Call,
    trace: HashMap<String, String>,
) -> Vec<Effect> {
    let kind = call.r#type();
    *state.counters.calls.entry(kind.as_str_name()).or_default() += 1;
    let mut effects = vec![Effect::Answer(Answer::Accepted)];
    let done = match kind {
        call::Type::Teardown => teardown::remove(state, now, framework),
        call::Type::Accept => with(call.accept, |accept| {
            accept::accept(state, now, framework, accept, trace)
        }),
        call::Type::Decline => with(call.decline, |decline| {
            decline::decline(state, now, framework, decline)
        }),
        call::Type::Revive => revive::revive(state, now, framework, call.revive.unwrap_or_default().roles),
        call::Type::Suppress => revive::suppress(state, framework, call.suppress.unwrap_or_default().roles),
        call::Type::Kill => with(call.kill, |kill| kill::kill(state, now, framework, &kill)),
        call::Type::Shutdown => with(call.shutdown, |shutdown| {
            kill::shutdown(state, now, framework, &shutdown)
        }),
        call::Type::Acknowledge => with(call.acknowledge, |ack| {
            acknowledge::acknowledge(state, framework, ack)
        }),
        call::Type::Reconcile => {
            reconcile::reconcile(state, now, framework, &call.reconcile.unwrap_or_default().tasks)
        }
        call::Type::Message => with(call.message, |message| {
            message::message(state, framework, message)
        }),
        call::Type::UpdateFramework => {
            return with(call.update_framework, |update| {
                update_framework::update(state, framework, update)
            });
        }
        call::Type::AcceptInverseOffers => with(call.accept_inverse_offers, |accept| {
            let (ids, filters) = (&accept.inverse_offer_ids, accept.filters.as_ref());
            inverse::answer(state, now, framework, ids, true, filters);
            Vec::new()
        }),
        call::Type::DeclineInverseOffers => with(call.decline_inverse_offers, |decline| {
            let (ids, filters) = (&decline.inverse_offer_ids, decline.filters.as_ref());
            inverse::answer(state, now, framework, ids, false, filters);
            Vec::new()
        }),
        // Accepted without effect: nothing exists here that they could act on.
        call::Type::AcknowledgeOperationStatus | call::Type::ReconcileOperations | call::Type::Request => {
            Vec::new()
        }
        call::Type::Unknown | call::Type::Subscribe => return vec![Effect::Answer(Answer::NotImplemented)],
    };
    effects.extend(done);
    effects
}

/// Validation made sure that the payload is there.
fn with<T>(payload: Option<T>, act: impl FnOnce(T) -> Vec<Effect>) -> Vec<Effect> {
    payload.map(act).unwrap_or_default()
}
