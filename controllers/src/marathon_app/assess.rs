//! From the scheduler's picture of an app to what it waits for, its conditions and its status. Pure.

mod status;
#[cfg(test)]
mod tests;

pub(super) use status::{Names, status};

use crate::report::Finding;
use crate::scheduler::{AppView, LastFailure, Link};
use jiff::Timestamp;
use mesolith_crds::Reason;
use mesolith_marathon::instance::State;
use mesolith_marathon::{App, shortage};
use mesolith_mesos::LaunchProblem;

/// Why an app is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) instances: usize,
}

/// Counts of an app's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    running: usize,
    healthy: usize,
    updated: usize,
    outdated: usize,
}

/// What the app waits for; `None` when nothing is missing.
pub(super) fn wait(app: &App, view: &AppView, not_ready: Option<&str>) -> Option<Wait> {
    let counts = counts(app, view);
    let wanted = wanted(app);
    let extra = view.instances.len().saturating_sub(wanted);
    if counts.healthy >= wanted
        && counts.updated >= wanted
        && counts.outdated == 0
        && extra == 0
        && view.leaving == 0
    {
        return None;
    }
    let missing = wanted.saturating_sub(counts.healthy);
    let wait = |reason, message| {
        Some(Wait {
            reason,
            message,
            instances: missing,
        })
    };
    if let Link::Failing(why) = &view.link {
        let cluster = not_ready
            .map(|why| format!(" The cluster says {why}"))
            .unwrap_or_default();
        return wait(
            Reason::ClusterNotReady,
            format!("Not subscribed to a leading master: {why}.{cluster}"),
        );
    }
    if let Some(shortage) = &view.shortage {
        let reason = match shortage.kind {
            shortage::Kind::NoOffers => Reason::WaitingForOffers,
            shortage::Kind::Resources => Reason::InsufficientResources,
            shortage::Kind::Constraint => Reason::ConstraintUnsatisfied,
            shortage::Kind::NoSuchPort => Reason::PortNotOnAnyAgent,
        };
        return wait(reason, shortage.sentence.clone());
    }
    if view.failures > 0 && missing > 0 {
        // A failure of an older version says nothing about this one.
        let last = view
            .last_failure
            .as_ref()
            .filter(|failure| failure.version == app.version);
        return wait(failure_reason(last), failure_sentence(view, last));
    }
    if counts.outdated > 0 {
        let message = format!(
            "{} of {wanted} instances run the new definition, {} the old one",
            counts.updated, counts.outdated
        );
        return wait(Reason::RollingOut, message);
    }
    if view.leaving > 0 {
        let message = format!(
            "{} instances are on agents that leave the cluster; replacements start elsewhere first",
            view.leaving
        );
        return wait(Reason::DrainingAgents, message);
    }
    if missing > 0 {
        return if counts.running >= wanted {
            wait(
                Reason::WaitingForHealth,
                format!(
                    "{} of {wanted} instances pass their health checks",
                    counts.healthy
                ),
            )
        } else {
            wait(
                Reason::StartingInstances,
                format!("{} of {wanted} instances run", counts.running),
            )
        };
    }
    wait(
        Reason::WaitingForTasks,
        format!("{extra} instances more than wanted are being stopped"),
    )
}

/// A launch that can never work is a different problem from an app that crashes.
fn failure_reason(last: Option<&LastFailure>) -> Reason {
    match last.and_then(|failure| failure.problem) {
        None => Reason::BackOff,
        Some(LaunchProblem::ImageNotFound) => Reason::ImageNotFound,
        Some(LaunchProblem::DockerUnavailable) => Reason::DockerUnavailable,
    }
}

fn failure_sentence(view: &AppView, last: Option<&LastFailure>) -> String {
    let failed = if view.failures == 1 {
        "Failed once".to_owned()
    } else {
        format!("Failed {} times", view.failures)
    };
    let last = last.map(|failure| {
        let why = if failure.message.is_empty() {
            String::new()
        } else {
            format!(": {}", failure.message)
        };
        format!(", last on {} with {}{why}", failure.host, failure.state)
    });
    let next = view
        .delayed_until
        .map(|until| format!(". Next start at {}", seconds(until)));
    format!("{failed}{}{}", last.unwrap_or_default(), next.unwrap_or_default())
}

/// The conditions.
pub(super) fn findings(app: &App, wait: Option<&Wait>) -> [Finding; 2] {
    match wait {
        None => {
            let message = match wanted(app) {
                0 => "No instances are wanted".to_owned(),
                1 => "The instance runs".to_owned(),
                n => format!("All {n} instances run"),
            };
            let reason = if wanted(app) == 0 {
                Reason::Suspended
            } else {
                Reason::Running
            };
            [
                Finding::yes("Ready", reason, message),
                Finding::no("Reconciling", reason, ""),
            ]
        }
        Some(wait) => [
            Finding::no("Ready", wait.reason, wait.message.clone()),
            Finding::yes("Reconciling", wait.reason, wait.message.clone()),
        ],
    }
}

fn counts(app: &App, view: &AppView) -> Counts {
    let staying = || view.instances.iter().filter(|i| i.is_active());
    let running = staying().filter(|i| i.state == State::Running);
    Counts {
        running: running.clone().count(),
        healthy: running.filter(|i| i.is_healthy()).count(),
        updated: staying().filter(|i| i.version == app.version).count(),
        outdated: view.instances.iter().filter(|i| i.version != app.version).count(),
    }
}

fn wanted(app: &App) -> usize {
    app.definition.instances as usize
}

/// The API stores whole seconds: more would look like a change at the next reconcile.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
