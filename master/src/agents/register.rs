//! An agent without an id registers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use mesolith_mesos::{AgentId, Resources};
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;

use super::lost;
use crate::input::{Effect, SessionId};
use crate::state::{Agent, Machine, State};
use crate::time::Time;
use crate::{offers, operator, wire};

/// Gives the agent an id, and its resources to the frameworks.
pub(crate) fn register(
    state: &mut State,
    now: Time,
    from: SessionId,
    peer: &str,
    register: session::Register,
) -> Vec<Effect> {
    let Some(info) = register.agent else {
        return vec![Effect::EndSession { session: from }];
    };
    if state.maintenance.is_down(&machine(&info, peer)) {
        return lost::turn_away(from, operator::IS_DOWN);
    }
    state.counters.agent_registrations += 1;
    let mut effects = replace_former(state, now, &info);
    let id = state.new_agent_id();
    insert(
        state,
        now,
        from,
        peer,
        id.clone(),
        About {
            info,
            version: register.version,
            capabilities: capabilities(&register.capabilities),
        },
    );
    effects.push(registered(state, from, &id));
    effects.extend(offers::allocate(state, now));
    effects
}

/// Removes agents that listened at the same address as a new one and are not connected.
fn replace_former(state: &mut State, now: Time, info: &v1::AgentInfo) -> Vec<Effect> {
    let same = |a: &&Arc<Agent>| {
        !a.is_connected() && a.info.hostname == info.hostname && a.info.port() == info.port()
    };
    let former: Vec<_> = state.agents.values().filter(same).map(|a| a.id.clone()).collect();
    former
        .iter()
        .flat_map(|id| lost::leave(state, now, id, "A new agent registered at the same address"))
        .collect()
}

/// What an agent says about itself.
pub(crate) struct About {
    pub(crate) info: v1::AgentInfo,
    pub(crate) version: String,
    pub(crate) capabilities: BTreeSet<i32>,
}

/// An agent that names no capability is one of before they were sent.
pub(crate) fn capabilities(named: &[v1::agent_info::Capability]) -> BTreeSet<i32> {
    use v1::agent_info::capability::Type;
    let first = [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
    ];
    let named: BTreeSet<i32> = named.iter().filter_map(|c| c.r#type).collect();
    if named.is_empty() {
        first.map(|c| c as i32).into()
    } else {
        named
    }
}

/// Adds an agent, connected and with nothing on it.
pub(crate) fn insert(state: &mut State, now: Time, from: SessionId, peer: &str, id: AgentId, about: About) {
    let About {
        mut info,
        version,
        capabilities,
    } = about;
    info.id = Some(v1::AgentId {
        value: id.to_string(),
    });
    state.unreachable.remove(&id);
    state.sessions.insert(from, id.clone());
    let agent = Agent {
        address: address(&info, peer),
        machine: machine(&info, peer),
        total: wire::to_resources(&info.resources),
        id: id.clone(),
        info,
        version,
        capabilities,
        session: Some(from),
        used: BTreeMap::new(),
        offered: Resources::default(),
        offers: BTreeSet::new(),
        tasks: BTreeSet::new(),
        alive: 0,
        executors: BTreeMap::new(),
        registered: now,
        reregistered: None,
        seen: now,
        next_ping: now + state.config.ping_interval,
    };
    state.agents.insert(id, Arc::new(agent));
}

/// IP address and port where an agent listens: its host name if that is an address, else its connection's address.
pub(crate) fn address(info: &v1::AgentInfo, peer: &str) -> (String, u16) {
    let host = if info.hostname.parse::<IpAddr>().is_ok() {
        info.hostname.as_str()
    } else {
        peer
    };
    (host.to_owned(), u16::try_from(info.port()).unwrap_or_default())
}

/// The machine that an agent is on.
pub(crate) fn machine(info: &v1::AgentInfo, peer: &str) -> Machine {
    Machine::new(&info.hostname, &address(info, peer).0)
}

/// The answer to both kinds of registration.
pub(crate) fn registered(state: &State, session: SessionId, id: &AgentId) -> Effect {
    let registered = session::Registered {
        agent_id: Some(v1::AgentId {
            value: id.to_string(),
        }),
        master: Some(state.config.master.clone()),
        ping_timeout_seconds: state.config.ping_limit().as_secs_f64(),
    };
    Effect::ToAgent {
        session,
        message: Box::new(session::from_master::Message::Registered(registered)),
    }
}
