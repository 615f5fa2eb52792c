//! Making offers and taking them back.

use std::collections::BTreeMap;

use mesolith_mesos::{AgentId, FrameworkId};
use mesolith_proto::mesos::v1;
use v1::framework_info::capability::Type as Capability;
use v1::scheduler::{Event, event};

use crate::allocator;
use crate::input::Effect;
use crate::inverse;
use crate::state::{Agent, Framework, Maintenance, Offer, State};
use crate::time::Time;
use crate::updates::{rescind_event, to_framework};
use crate::wire::{self, Form};

/// One allocation run: all offers of a run go to a framework in one event.
pub(crate) fn allocate(state: &mut State, now: Time) -> Vec<Effect> {
    state.counters.allocation_runs += 1;
    let grants = allocator::allocate(&state.config, &state.picture(), &state.filters, now);
    let mut made: BTreeMap<FrameworkId, Vec<v1::Offer>> = BTreeMap::new();
    for grant in grants {
        let offer = Offer {
            id: state.new_offer_id(),
            resources: grant.resources.allocate(&grant.role),
            framework: grant.framework,
            agent: grant.agent,
            role: grant.role,
            made: now,
        };
        let to = (
            state.frameworks.get(&offer.framework),
            state.agents.get(&offer.agent),
        );
        let (Some(framework), Some(agent)) = to else {
            continue;
        };
        made.entry(offer.framework.clone()).or_default().push(to_wire(
            &offer,
            framework,
            agent,
            &state.maintenance,
        ));
        state.put_offer(offer);
    }
    let tell = |(id, offers)| {
        let mut event = Event {
            offers: Some(event::Offers { offers }),
            ..Default::default()
        };
        event.set_type(event::Type::Offers);
        to_framework(state.frameworks.get(&id)?, event)
    };
    let mut effects: Vec<_> = made.into_iter().filter_map(tell).collect();
    effects.extend(inverse::ask(state, now));
    effects
}

/// Takes an offer back and tells its framework.
pub(crate) fn rescind(state: &mut State, offer: &str) -> Option<Effect> {
    let offer = state.take_offer(offer)?;
    state.counters.offers_rescinded += 1;
    to_framework(
        state.frameworks.get(&offer.framework)?,
        rescind_event(offer.id.as_str()),
    )
}

/// Takes back all that is offered of an agent, and what its frameworks were asked.
pub(crate) fn rescind_all(state: &mut State, agent: &AgentId) -> Vec<Effect> {
    let offers = state.agents.get(agent).map(|agent| agent.offers.clone());
    let offers = offers.unwrap_or_default();
    let mut effects: Vec<_> = offers
        .iter()
        .filter_map(|offer| rescind(state, offer.as_str()))
        .collect();
    effects.extend(inverse::rescind(state, |offer| offer.agent == *agent));
    effects
}

/// An offer in the form that its framework understands.
#[must_use]
pub(crate) fn to_wire(
    offer: &Offer,
    framework: &Framework,
    agent: &Agent,
    maintenance: &Maintenance,
) -> v1::Offer {
    let multi_role = framework.can(Capability::MultiRole);
    let form = Form {
        refinement: framework.can(Capability::ReservationRefinement),
        allocation: multi_role,
    };
    let executors = agent.executors.keys().filter(|(owner, _)| *owner == framework.id);
    v1::Offer {
        id: v1::OfferId {
            value: offer.id.to_string(),
        },
        framework_id: v1::FrameworkId {
            value: offer.framework.to_string(),
        },
        agent_id: v1::AgentId {
            value: offer.agent.to_string(),
        },
        hostname: agent.info.hostname.clone(),
        url: Some(agent.url()),
        domain: agent.info.domain.clone(),
        resources: wire::in_form(&offer.resources, form),
        attributes: agent.info.attributes.clone(),
        executor_ids: executors
            .map(|(_, id)| v1::ExecutorId {
                value: id.to_string(),
            })
            .collect(),
        unavailability: maintenance.unavailability(&agent.machine),
        allocation_info: multi_role.then(|| v1::resource::AllocationInfo {
            role: Some(offer.role.clone()),
        }),
    }
}
