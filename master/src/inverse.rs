//! Making inverse offers, taking them back, and what frameworks answer.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_mesos::{AgentId, FrameworkId, OfferId};
use mesolith_proto::mesos::v1;
use v1::scheduler::{Event, event};

use crate::calls::decline::quiet_until;
use crate::input::Effect;
use crate::state::{Agent, InverseAnswer, InverseOffer, Maintenance, State};
use crate::time::Time;
use crate::updates::to_framework;

/// Asks every framework that holds something on a machine that is to be out of service, used or offered; all of a run go
/// to a framework in one event.
pub(crate) fn ask(state: &mut State, now: Time) -> Vec<Effect> {
    if state.maintenance.is_empty() {
        return Vec::new();
    }
    let mut due: BTreeMap<FrameworkId, Vec<AgentId>> = BTreeMap::new();
    for agent in state.agents.values().filter(|agent| agent.is_connected()) {
        if state.maintenance.unavailability(&agent.machine).is_none() {
            continue;
        }
        for framework in holders(state, agent) {
            let connected = state.frameworks.get(framework).is_some_and(|f| f.is_connected());
            if connected && state.inverse.is_due(&agent.id, framework, now) {
                due.entry(framework.clone()).or_default().push(agent.id.clone());
            }
        }
    }
    let tell = |(framework, agents): (FrameworkId, Vec<AgentId>)| {
        let made = agents
            .into_iter()
            .filter_map(|agent| make(state, now, &framework, agent));
        let inverse_offers = made.collect();
        let mut event = Event {
            inverse_offers: Some(event::InverseOffers { inverse_offers }),
            ..Default::default()
        };
        event.set_type(event::Type::InverseOffers);
        to_framework(state.frameworks.get(&framework)?, event)
    };
    due.into_iter().filter_map(tell).collect()
}

fn holders<'a>(state: &'a State, agent: &'a Agent) -> BTreeSet<&'a FrameworkId> {
    let offered = agent.offers.iter().filter_map(|id| state.offers.get(id));
    agent
        .used
        .keys()
        .chain(offered.map(|offer| &offer.framework))
        .collect()
}

fn make(state: &mut State, now: Time, framework: &FrameworkId, agent: AgentId) -> Option<v1::InverseOffer> {
    let id = state.new_offer_id();
    let offer = InverseOffer {
        framework: framework.clone(),
        agent,
        made: now,
    };
    let shown = to_wire(&id, &offer, state.agents.get(&offer.agent)?, &state.maintenance);
    state.inverse_mut().put(id, offer);
    shown
}

/// An inverse offer as its framework sees it; none if the machine stays.
pub(crate) fn to_wire(
    id: &OfferId,
    offer: &InverseOffer,
    agent: &Agent,
    maintenance: &Maintenance,
) -> Option<v1::InverseOffer> {
    Some(v1::InverseOffer {
        id: v1::OfferId {
            value: id.to_string(),
        },
        url: Some(agent.url()),
        framework_id: v1::FrameworkId {
            value: offer.framework.to_string(),
        },
        agent_id: Some(v1::AgentId {
            value: offer.agent.to_string(),
        }),
        unavailability: maintenance.unavailability(&agent.machine)?,
        resources: Vec::new(),
    })
}

/// Takes inverse offers back and tells their frameworks.
pub(crate) fn rescind(state: &mut State, which: impl Fn(&InverseOffer) -> bool) -> Vec<Effect> {
    // Most of the time there is none, and what readers share is not copied for nothing.
    if !state.inverse.outstanding().values().any(&which) {
        return Vec::new();
    }
    let taken = state.inverse_mut().take(which);
    let tell = |(id, offer): (OfferId, InverseOffer)| {
        let inverse_offer_id = v1::OfferId {
            value: id.to_string(),
        };
        let mut event = Event {
            rescind_inverse_offer: Some(event::RescindInverseOffer { inverse_offer_id }),
            ..Default::default()
        };
        event.set_type(event::Type::RescindInverseOffer);
        to_framework(state.frameworks.get(&offer.framework)?, event)
    };
    taken.into_iter().filter_map(tell).collect()
}

/// ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS. An id that is not there is no error: it may have been withdrawn on the
/// way.
pub(crate) fn answer(
    state: &mut State,
    now: Time,
    framework: &FrameworkId,
    ids: &[v1::OfferId],
    accepted: bool,
    filters: Option<&v1::Filters>,
) {
    let quiet = quiet_until(now, filters);
    for id in ids {
        let answer = InverseAnswer { accepted, at: now };
        state.inverse_mut().answer(&id.value, framework, answer, quiet);
    }
}
