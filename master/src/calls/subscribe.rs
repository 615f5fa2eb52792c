//! SUBSCRIBE, and the end of a stream.

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::{Event, call, event};

use super::teardown;
use crate::input::{Effect, StreamId};
use crate::state::{Framework, State};
use crate::time::Time;
use crate::timers::heartbeat_event;
use crate::updates::error_event;
use crate::{offers, validate};

/// A scheduler subscribes: a new framework, one that comes back, or one that another scheduler takes over.
pub(crate) fn subscribe(
    state: &mut State,
    now: Time,
    stream: StreamId,
    call: call::Subscribe,
) -> Vec<Effect> {
    *state.counters.calls.entry("SUBSCRIBE").or_default() += 1;
    let info = call.framework_info;
    if let Err(problem) = validate::framework_info(&info, &call.suppressed_roles) {
        return refuse(stream, problem);
    }
    let given = info
        .id
        .as_ref()
        .map(|id| id.value.clone())
        .filter(|id| !id.is_empty());
    let id = match given {
        Some(id) if state.completed.iter().any(|f| f.id.as_str() == id) => {
            return refuse(stream, "Framework has been removed".into());
        }
        Some(id) => FrameworkId::from(id),
        None => state.new_framework_id(),
    };
    let mut effects = Vec::new();
    if let Some(known) = state.frameworks.get(&id).cloned() {
        if let Err(problem) = validate::changed_principal(&known.info, &info) {
            return refuse(stream, problem);
        }
        effects.extend(take_over(state, &known));
        renew(state, now, &id, info);
    } else {
        state
            .frameworks
            .insert(id.clone(), Framework::new(id.clone(), info, now).into());
    }
    let next_heartbeat = now + state.config.heartbeat_interval;
    if let Some(framework) = state.framework_mut(id.as_str()) {
        framework.stream = Some(stream.clone());
        framework.recovered = false;
        framework.unregistered = None;
        framework.remove_at = None;
        framework.next_heartbeat = next_heartbeat;
        framework.suppressed = call.suppressed_roles.into_iter().collect();
        let roles = framework.roles();
        state.filters.clear(&id, &roles);
        state.inverse_mut().speak_again(&id);
    }
    state.streams.insert(stream.clone(), id.clone());
    let send = |event| Effect::ToFramework {
        stream: stream.clone(),
        event: Box::new(event),
    };
    effects.push(send(subscribed_event(state, &id)));
    effects.push(send(heartbeat_event()));
    effects.extend(tell_agents(state, &id));
    effects.extend(offers::allocate(state, now));
    effects
}

fn refuse(stream: StreamId, problem: String) -> Vec<Effect> {
    let event = Box::new(error_event(problem));
    vec![
        Effect::ToFramework {
            stream: stream.clone(),
            event,
        },
        Effect::EndStream { stream },
    ]
}

/// Tells the old scheduler. Its offers end without an event, since its stream is gone.
fn take_over(state: &mut State, known: &Framework) -> Vec<Effect> {
    for offer in &known.offers {
        state.take_offer(offer.as_str());
    }
    state.inverse_mut().take(|offer| offer.framework == known.id);
    let Some(old) = known.stream.clone() else {
        return Vec::new();
    };
    state.streams.remove(&old);
    refuse(old, "Framework failed over".into())
}

/// Takes over what a framework may change about itself. As with Mesos, user and checkpoint stay as they were.
fn renew(state: &mut State, now: Time, id: &FrameworkId, info: v1::FrameworkInfo) {
    let Some(framework) = state.framework_mut(id.as_str()) else {
        return;
    };
    let old = std::mem::take(&mut framework.info);
    framework.info = v1::FrameworkInfo {
        user: old.user,
        checkpoint: old.checkpoint,
        id: Some(v1::FrameworkId {
            value: id.to_string(),
        }),
        ..info
    };
    framework.reregistered = Some(now);
}

fn subscribed_event(state: &State, id: &FrameworkId) -> Event {
    let subscribed = event::Subscribed {
        framework_id: v1::FrameworkId {
            value: id.to_string(),
        },
        heartbeat_interval_seconds: Some(state.config.heartbeat_interval.as_secs_f64()),
        master_info: Some(state.config.master.clone()),
    };
    let mut event = Event {
        subscribed: Some(subscribed),
        ..Default::default()
    };
    event.set_type(event::Type::Subscribed);
    event
}

/// Has agents with tasks of the framework send its unacknowledged updates again, at once.
pub(crate) fn tell_agents(state: &State, id: &FrameworkId) -> Vec<Effect> {
    let Some(framework) = state.frameworks.get(id) else {
        return Vec::new();
    };
    let has = |agent: &&std::sync::Arc<crate::state::Agent>| agent.tasks.iter().any(|(owner, _)| owner == id);
    let update = |session| {
        let update = session::UpdateFramework {
            framework: Some(framework.info.clone()),
        };
        Effect::ToAgent {
            session,
            message: Box::new(session::from_master::Message::UpdateFramework(update)),
        }
    };
    state
        .agents
        .values()
        .filter(has)
        .filter_map(|agent| agent.session)
        .map(update)
        .collect()
}

/// A scheduler's connection ended: it may come back within its failover timeout.
pub(crate) fn disconnect(state: &mut State, now: Time, stream: &StreamId) -> Vec<Effect> {
    // A stream that was taken over is not its framework's any more.
    let Some(id) = state.streams.remove(stream) else {
        return Vec::new();
    };
    let Some(framework) = state.framework_mut(id.as_str()) else {
        return Vec::new();
    };
    framework.stream = None;
    framework.unregistered = Some(now);
    let timeout = framework.failover_timeout();
    framework.remove_at = Some(now + timeout);
    for offer in framework.offers.clone() {
        state.take_offer(offer.as_str());
    }
    state.inverse_mut().take(|offer| offer.framework == id);
    if timeout.is_zero() {
        teardown::remove(state, now, &id)
    } else {
        Vec::new()
    }
}
