//! The decision: who must be told what now. No channel is known here beyond its name and what it wants to hear.
//!
//! ```text
//!  state, alerts that fire, time ─► decide ─► sends ─► (driver) ─► record ─► state
//! ```
//!
//! An alert is told to a channel when it begins, when it becomes worse, and again after [`Policy::repeat`]. It is over
//! when it has not fired for [`Policy::settle`]; then every channel that a message was sent to is told so, also where
//! the message seems to have failed: it may have arrived all the same. Between an attempt and its record the process
//! may end: then the message is sent again, never lost.

use std::time::Duration;

use jiff::Timestamp;

use crate::alert::{Alert, Lasts, Message, Severity};
use crate::failure::Failure;
use crate::policy::Policy;
use crate::route::Route;
use crate::state::{Open, State, Told, Trouble, after};

/// Messages for one channel in one decision, so that a slow channel is asked again soon.
const MOST_AT_ONCE: usize = 16;
/// The end of an alert is told for this long; after that nobody needs it any more.
const KEPT_AFTER_END: Duration = Duration::from_secs(24 * 3600);
/// The longest pause that a channel may ask for.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(3600);

/// A message for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Send {
    /// Name of the channel.
    pub channel: String,
    /// What it is told.
    pub message: Message,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What to remember.
    pub state: State,
    /// What to send. The messages for one channel are in the order in which they must be sent.
    pub sends: Vec<Send>,
    /// When to decide again although no alert has changed.
    pub next: Option<Timestamp>,
    /// Alerts that nobody is told about because there are more than [`Policy::alerts`].
    pub left_out: usize,
}

/// Decides who must be told what. `alerts` are those that fire now; one that is missing does not.
#[must_use]
pub fn decide(
    mut state: State,
    policy: &Policy,
    routes: &[Route],
    alerts: &[Alert],
    now: Timestamp,
) -> Decision {
    state.bound_times(now, policy.longest_pause.max(LONGEST_ASKED_PAUSE));
    for open in state.alerts.values_mut() {
        open.told
            .retain(|name, _| routes.iter().any(|route| route.channel == *name));
    }
    take_in(&mut state, alerts, now);
    forget_what_is_over(&mut state, policy, now);
    let left_out = bound(&mut state, policy.alerts);
    // A channel's trouble is a fact only while there is something to tell it.
    let alerts = &state.alerts;
    state
        .channels
        .retain(|name, _| alerts.values().any(|open| open.told.contains_key(name)));
    let mut next = None;
    let mut sends = Vec::new();
    for route in routes {
        sends.extend(for_channel(&mut state, policy, route, now, &mut next));
    }
    Decision {
        state,
        sends,
        next,
        left_out,
    }
}

/// Remembers how a send ended. One that was not tried is not recorded: it is due again.
pub fn record(state: &mut State, policy: &Policy, send: &Send, result: Result<(), Failure>, now: Timestamp) {
    let told = state
        .alerts
        .get_mut(&send.message.alert.key)
        .and_then(|open| open.told.get_mut(&send.channel));
    let failure = match result {
        Ok(()) => {
            state.channels.remove(&send.channel);
            match (told, send.message.state) {
                (Some(told), Lasts::Firing) => {
                    *told = Told {
                        last: Some((send.message.alert.severity, now)),
                        ..Told::default()
                    };
                }
                (_, Lasts::Resolved) => end(state, send),
                (None, Lasts::Firing) => {}
            }
            return;
        }
        Err(failure) => failure,
    };
    let of_the_message = failure.is_of_the_message();
    if let Some(told) = told.filter(|_| of_the_message) {
        told.refusals = told.refusals.saturating_add(1);
        told.not_before = Some(after(now, policy.pause(told.refusals)));
    }
    let before = state.channels.get(&send.channel);
    let failures = if of_the_message {
        0
    } else {
        before.map_or(0, |trouble| trouble.failures).saturating_add(1)
    };
    let asked = failure.retry_after().map_or(Duration::ZERO, Duration::from_secs);
    let pause = policy.pause(failures).max(asked.min(LONGEST_ASKED_PAUSE));
    let trouble = Trouble {
        since: before.map_or(now, |trouble| trouble.since),
        not_before: (!of_the_message).then(|| after(now, pause)),
        failure,
        failures,
    };
    state.channels.insert(send.channel.clone(), trouble);
}

/// The channel knows that the alert is over; when all that were told know it, it is forgotten.
fn end(state: &mut State, send: &Send) {
    let key = &send.message.alert.key;
    if let Some(open) = state.alerts.get_mut(key) {
        open.told.remove(&send.channel);
        if open.told.is_empty() && open.quiet_since.is_some() {
            state.alerts.remove(key);
        }
    }
}

/// Brings the remembered alerts up to date with those that fire.
fn take_in(state: &mut State, alerts: &[Alert], now: Timestamp) {
    for open in state.alerts.values_mut() {
        open.quiet_since = open.quiet_since.or(Some(now));
    }
    for alert in alerts {
        let mut alert = alert.bounded();
        match state.alerts.get_mut(&alert.key) {
            // Two with one key are one: the worse of them.
            Some(open) if open.quiet_since.is_none() && open.alert.severity >= alert.severity => {}
            Some(open) => {
                // It has lasted all the time, whatever its new words say.
                alert.since = alert.since.min(open.alert.since);
                open.alert = alert;
                open.quiet_since = None;
            }
            None => {
                let open = Open {
                    quiet_since: None,
                    told: std::collections::BTreeMap::new(),
                    alert,
                };
                state.alerts.insert(open.alert.key.clone(), open);
            }
        }
    }
}

fn forget_what_is_over(state: &mut State, policy: &Policy, now: Timestamp) {
    state.alerts.retain(|_, open| match open.quiet_since {
        None => true,
        Some(since) if now < after(since, policy.settle) => true,
        Some(since) => !open.told.is_empty() && now < after(since, KEPT_AFTER_END),
    });
}

/// Keeps the worst and oldest alerts that fire, then those that ended last. Returns how many firing ones go.
fn bound(state: &mut State, most: usize) -> usize {
    if state.alerts.len() <= most {
        return 0;
    }
    let mut ranked: Vec<(String, Option<Timestamp>, Severity, Timestamp)> = state
        .alerts
        .iter()
        .map(|(key, open)| {
            (
                key.clone(),
                open.quiet_since,
                open.alert.severity,
                open.alert.since,
            )
        })
        .collect();
    ranked.sort_by(
        |(a_key, a_quiet, a_severity, a_since), (b_key, b_quiet, b_severity, b_since)| {
            a_quiet
                .is_some()
                .cmp(&b_quiet.is_some())
                .then(b_quiet.cmp(a_quiet))
                .then(b_severity.cmp(a_severity))
                .then(a_since.cmp(b_since))
                .then(a_key.cmp(b_key))
        },
    );
    let gone = ranked.split_off(most);
    for (key, ..) in &gone {
        state.alerts.remove(key);
    }
    gone.iter().filter(|(_, quiet, ..)| quiet.is_none()).count()
}

/// The messages that are due for one channel; each is remembered as tried.
fn for_channel(
    state: &mut State,
    policy: &Policy,
    route: &Route,
    now: Timestamp,
    next: &mut Option<Timestamp>,
) -> Vec<Send> {
    let trouble = state.channels.get(&route.channel);
    let channel_rests_until = trouble.and_then(|trouble| trouble.not_before);
    // A channel that fails is asked with one message; the others follow once that one has passed.
    let most = match trouble {
        Some(trouble) if trouble.failures > 0 => 1,
        _ => MOST_AT_ONCE,
    };
    let mut due: Vec<(String, Lasts)> = Vec::new();
    for (key, open) in &state.alerts {
        let Some((lasts, at)) = due_at(open, policy, route, now) else {
            continue;
        };
        let at = channel_rests_until.map_or(at, |rest| rest.max(at));
        if at <= now {
            due.push((key.clone(), lasts));
        } else {
            *next = Some(next.map_or(at, |known| known.min(at)));
        }
    }
    // The worst first, then the oldest.
    due.sort_by_key(|(key, _)| {
        let alert = state.alerts.get(key).map(|open| &open.alert);
        (
            std::cmp::Reverse(alert.map(|alert| alert.severity)),
            alert.map(|alert| alert.since),
        )
    });
    if due.len() > most {
        due.truncate(most);
        *next = Some(now);
    }
    let mut sends = Vec::new();
    for (key, lasts) in due {
        let Some(open) = state.alerts.get_mut(&key) else {
            continue;
        };
        open.told.entry(route.channel.clone()).or_default();
        sends.push(Send {
            channel: route.channel.clone(),
            message: Message {
                alert: open.alert.clone(),
                state: lasts,
                at: now,
            },
        });
    }
    sends
}

/// The next message that a channel must get about an alert, and when; nothing when it needs none.
fn due_at(open: &Open, policy: &Policy, route: &Route, now: Timestamp) -> Option<(Lasts, Timestamp)> {
    let told = open.told.get(&route.channel);
    let fires = open.quiet_since.is_none() && open.alert.severity >= route.at_least;
    let (lasts, at) = match (fires, told) {
        (true, None) => (Lasts::Firing, now),
        (true, Some(told)) => match told.last {
            Some((severity, at)) if severity >= open.alert.severity => {
                (Lasts::Firing, after(at, policy.repeat))
            }
            _ => (Lasts::Firing, now),
        },
        (false, None) => return None,
        // Less bad than this channel wants to hear about is over for it, at once.
        (false, Some(_)) => {
            let over = open.quiet_since.map_or(now, |since| after(since, policy.settle));
            (Lasts::Resolved, over)
        }
    };
    let rests_until = told.and_then(|told| told.not_before);
    Some((lasts, rests_until.map_or(at, |rest| rest.max(at))))
}

#[cfg(test)]
mod tests;
