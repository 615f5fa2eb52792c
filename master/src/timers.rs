//! What happens because time passed: heartbeats, pings, allocation, and everything that has a deadline.

use std::sync::Arc;
use std::time::Duration;

use mesolith_proto::mesos::v1::scheduler::{Event, event};
use mesolith_proto::session::v1 as session;

use crate::input::Effect;
use crate::state::State;
use crate::time::Time;
use crate::updates::to_framework;
use crate::{agents, calls, inverse, offers, operator};

/// Ticks come ten times a second. After a pause this long, this master was away and not the others.
const AWAY: Duration = Duration::from_secs(5);

/// Everything that is due.
pub(crate) fn tick(state: &mut State, now: Time) -> Vec<Effect> {
    let last = state.last_tick.replace(now);
    if let Some(away) = last.map(|last| now.since(last)).filter(|away| *away >= AWAY) {
        forgive(state, now, away);
    }
    let mut effects = heartbeats(state, now);
    effects.extend(pings(state, now));
    effects.extend(deadlines(state, now));
    effects.extend(operator::tend(state, now));
    if now >= state.next_allocation {
        effects.extend(offers::allocate(state, now));
        state.next_allocation = now + state.config.allocation_interval;
    }
    effects
}

/// This master heard and pinged nobody while it was frozen, or parked because ZooKeeper was away. No agent or framework
/// may be given up for that: their deadlines move by the time that the master was away.
fn forgive(state: &mut State, now: Time, away: Duration) {
    for agent in state.agents.values_mut() {
        let agent = Arc::make_mut(agent);
        agent.seen = (agent.seen + away).min(now);
        agent.next_ping = now;
    }
    for framework in state.frameworks.values_mut().filter(|f| f.remove_at.is_some()) {
        let framework = Arc::make_mut(framework);
        framework.remove_at = framework.remove_at.map(|at| at + away);
    }
}

/// Tells a scheduler that it is connected: the only sign of life it gets from us when nothing happens.
#[must_use]
pub(crate) fn heartbeat_event() -> Event {
    let mut event = Event::default();
    event.set_type(event::Type::Heartbeat);
    event
}

fn heartbeats(state: &mut State, now: Time) -> Vec<Effect> {
    let due = state
        .frameworks
        .values()
        .filter(|f| f.is_connected() && now >= f.next_heartbeat);
    let due: Vec<_> = due.map(|f| f.id.clone()).collect();
    let next = now + state.config.heartbeat_interval;
    let mut effects = Vec::new();
    for id in due {
        if let Some(framework) = state.framework_mut(id.as_str()) {
            framework.next_heartbeat = next;
            effects.extend(to_framework(framework, heartbeat_event()));
        }
    }
    effects
}

fn pings(state: &mut State, now: Time) -> Vec<Effect> {
    let due = state
        .agents
        .values()
        .filter(|a| now >= a.next_ping && a.is_connected());
    let due: Vec<_> = due.map(|a| a.id.clone()).collect();
    let next = now + state.config.ping_interval;
    let mut effects = Vec::new();
    for id in due {
        let Some(agent) = state.agent_mut(id.as_str()) else {
            continue;
        };
        agent.next_ping = next;
        let message = Box::new(session::from_master::Message::Ping(session::Ping {}));
        effects.extend(agent.session.map(|session| Effect::ToAgent { session, message }));
    }
    effects
}

fn deadlines(state: &mut State, now: Time) -> Vec<Effect> {
    let mut effects = Vec::new();
    let limit = state.config.ping_limit();
    let silent: Vec<_> = state
        .agents
        .values()
        .filter(|a| now.since(a.seen) >= limit)
        .map(|a| a.id.clone())
        .collect();
    for id in silent {
        effects.extend(agents::lost::unreachable(state, now, &id));
    }
    let ended = state
        .frameworks
        .values()
        .filter(|f| f.remove_at.is_some_and(|at| now >= at));
    let ended: Vec<_> = ended.map(|f| f.id.clone()).collect();
    for id in ended {
        effects.extend(calls::teardown::remove(state, now, &id));
    }
    if let Some(limit) = state.config.offer_timeout {
        let old: Vec<_> = state
            .offers
            .values()
            .filter(|o| now.since(o.made) >= limit)
            .map(|o| o.id.clone())
            .collect();
        for id in old {
            effects.extend(offers::rescind(state, id.as_str()));
        }
        effects.extend(inverse::rescind(state, |offer| now.since(offer.made) >= limit));
    }
    if state.inverse.has_expired(now) {
        state.inverse_mut().expire(now);
    }
    state.filters.expire(now);
    effects
}
