//! What is remembered between two decisions. It is plain data: who keeps it over a restart repeats nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Severity, bounded_key};
use crate::failure::Failure;
use crate::route::Route;

/// What is remembered between two decisions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Alerts that fire, and those whose end some channel has not been told, by key.
    pub(crate) alerts: BTreeMap<String, Open>,
    /// Channels that have failed, by name.
    pub(crate) channels: BTreeMap<String, Trouble>,
}

/// An alert that somebody knows about or must get to know about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) alert: Alert,
    /// Since when it has not fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quiet_since: Option<Timestamp>,
    /// Channels that a message was sent to, whether it arrived or not.
    #[serde(default)]
    pub(crate) told: BTreeMap<String, Told>,
}

/// What one channel knows of one alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The last message that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<(Severity, Timestamp)>,
    /// How often the channel refused the message since then.
    #[serde(default)]
    pub(crate) refusals: u32,
    /// The message is not sent again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
}

/// A channel that fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// The last failure.
    pub failure: Failure,
    /// Since when it fails.
    pub since: Timestamp,
    /// Failures in a row that concern every message; 0 when it only refuses some.
    pub failures: u32,
    /// It is not asked before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

impl State {
    /// The channels that fail, by name: the caller shows them.
    #[must_use]
    pub fn failing(&self) -> &BTreeMap<String, Trouble> {
        &self.channels
    }

    /// What is known after a restart that lost the state: the alerts that lasted, and of each whether
    /// [`is_told`](Self::is_told) was so. One that was not is told again, since some channel may lack it; the end of
    /// both is told.
    #[must_use]
    pub fn before(routes: &[Route], alerts: &[(Alert, bool)], now: Timestamp) -> Self {
        let open = alerts.iter().map(|(alert, told)| {
            let alert = alert.bounded();
            let told = Told {
                last: told.then_some((alert.severity, now)),
                ..Told::default()
            };
            let routes = routes.iter().filter(|route| alert.severity >= route.at_least);
            let open = Open {
                quiet_since: None,
                told: routes
                    .map(|route| (route.channel.clone(), told.clone()))
                    .collect(),
                alert,
            };
            (open.alert.key.clone(), open)
        });
        Self {
            alerts: open.collect(),
            channels: BTreeMap::new(),
        }
    }

    /// The alerts that last; one that may come back soon still does.
    pub fn lasting(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().map(|open| &open.alert)
    }

    /// Whether every channel that wants this alert has taken it, as bad as it is now.
    #[must_use]
    pub fn is_told(&self, routes: &[Route], key: &str) -> bool {
        self.alerts.get(&bounded_key(key)).is_some_and(|open| {
            let severity = open.alert.severity;
            let mut wanting = routes.iter().filter(|route| severity >= route.at_least);
            wanting.all(|route| {
                let told = open.told.get(&route.channel);
                told.and_then(|told| told.last)
                    .is_some_and(|(told, _)| told >= severity)
            })
        })
    }

    /// How many alerts are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.alerts.len()
    }

    /// No time that we remember lies so far in the future that a clock that was set back would make us silent.
    pub(crate) fn bound_times(&mut self, now: Timestamp, longest_wait: Duration) {
        let latest = after(now, longest_wait);
        let bound = |time: &mut Option<Timestamp>, limit| *time = time.map(|t: Timestamp| t.min(limit));
        for trouble in self.channels.values_mut() {
            bound(&mut trouble.not_before, latest);
        }
        for open in self.alerts.values_mut() {
            bound(&mut open.quiet_since, now);
            for told in open.told.values_mut() {
                bound(&mut told.not_before, latest);
                told.last = told.last.map(|(severity, at)| (severity, at.min(now)));
            }
        }
    }
}

/// A later time; the end of time when there is none.
pub(crate) fn after(time: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}
