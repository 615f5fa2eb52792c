//! DECLINE, and the filter that every refusal leaves.

use std::time::Duration;

use mesolith_mesos::{AgentId, FrameworkId, Resources};
use mesolith_proto::mesos::v1;
use v1::scheduler::call;

use crate::input::Effect;
use crate::state::State;
use crate::time::Time;

/// Seconds for which a refusal holds unless the framework says otherwise: the default in Mesos' proto.
const DEFAULT_REFUSE_SECONDS: f64 = 5.0;

/// Gives offers back. One that is no longer there is no error: it may have been rescinded on the way.
pub(crate) fn decline(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    call: call::Decline,
) -> Vec<Effect> {
    for id in &call.offer_ids {
        if state
            .offers
            .get(id.value.as_str())
            .is_none_or(|o| o.framework != *framework)
        {
            continue;
        }
        let Some(offer) = state.take_offer(&id.value) else {
            continue;
        };
        state.counters.offers_declined += 1;
        refuse(
            state,
            now,
            framework,
            &offer.role,
            &offer.agent,
            &offer.resources,
            call.filters.as_ref(),
        );
    }
    Vec::new()
}

/// Remembers that a framework does not want these resources for a while.
pub(crate) fn refuse(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    role: &str,
    agent: &AgentId,
    refused: &Resources,
    filters: Option<&v1::Filters>,
) {
    if refused.is_empty() {
        return;
    }
    if let Some(until) = quiet_until(now, filters) {
        state.filters.add(framework, role, agent, refused, until);
    }
}

/// Until when a framework does not want to be asked again; none if it may be asked at once.
pub(crate) fn quiet_until(now: Time, filters: Option<&v1::Filters>) -> Option<Time> {
    let asked = filters
        .and_then(|f| f.refuse_seconds)
        .unwrap_or(DEFAULT_REFUSE_SECONDS);
    let asked = if asked < 0.0 {
        DEFAULT_REFUSE_SECONDS
    } else {
        asked
    };
    let duration = Duration::try_from_secs_f64(asked).unwrap_or(Duration::MAX);
    (!duration.is_zero()).then(|| now + duration)
}
