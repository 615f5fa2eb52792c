//! What one app needs next: the level-triggered heart of the scheduler.
//!
//! Looks at the definition and at what exists; answers which instances to stop, which to forget, how many to
//! start, and when to look again. Asking twice about the same world gives the same answer.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::{
    app::{App, UnreachableStrategy},
    backoff::Backoff,
    ids::TaskId,
    instance::{Instance, State},
    offer::Agent,
    replace::{self, Counts, Limits},
    scale,
};

/// A task that does not get going is stopped after this long, as Marathon does.
const LAUNCH_TIMEOUT: SignedDuration = SignedDuration::from_secs(300);
/// A kill that had no effect is sent again.
const KILL_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// Why an instance is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillReason {
    /// Fewer instances are wanted.
    ScaledDown,
    /// A newer version takes its place, or one on an agent that stays.
    Replaced,
    /// It did not start in time.
    LaunchTimeout,
    /// An earlier kill had no effect.
    Retry,
}

/// The next moves of one app.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Instances to stop.
    pub kill: Vec<(TaskId, KillReason)>,
    /// Instances out of reach for too long: no longer waited for.
    pub expunge: Vec<TaskId>,
    /// Instances to start as soon as offers fit.
    pub start: usize,
    /// Starting waits until then.
    pub delayed_until: Option<Timestamp>,
    /// When to look again though nothing happens.
    pub wake: Option<Timestamp>,
}

/// Plans one app. Instances on agents that are `leaving` (by id) are replaced like those of an old version.
#[must_use]
pub fn plan(
    app: &App,
    instances: &[Instance],
    leaving: &BTreeSet<String>,
    backoff: &Backoff,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let wanted = app.definition.instances as usize;
    let mut active: Vec<&Instance> = Vec::new();
    let mut stopping = 0;
    for instance in instances {
        if instance.state == State::Unreachable {
            match reachability(app, instance, now) {
                Reachability::Waiting(until) => {
                    // It may come back at any time, so it still counts, unless it is to go anyway.
                    if !instance.is_stopping() {
                        active.push(instance);
                    }
                    wake(&mut plan, until);
                }
                Reachability::Inactive(until) => wake(&mut plan, until),
                Reachability::Expunged => plan.expunge.push(instance.task.clone()),
            }
        } else if instance.is_stopping() {
            stopping += 1;
            retry_kill(&mut plan, instance, now);
        } else if let Some(deadline) = launch_deadline(instance) {
            if deadline <= now {
                plan.kill.push((instance.task.clone(), KillReason::LaunchTimeout));
                stopping += 1;
            } else {
                wake(&mut plan, Some(deadline));
                active.push(instance);
            }
        } else {
            active.push(instance);
        }
    }
    let (mut new, old): (Vec<&Instance>, Vec<&Instance>) = active
        .into_iter()
        .partition(|instance| instance.version == app.version && !leaving.contains(&instance.agent.id));
    if new.len() > wanted {
        let surplus = scale::victims(app, &new, new.len() - wanted);
        new.retain(|instance| !surplus.contains(&instance.task));
        stopping += surplus.len();
        plan.kill
            .extend(surplus.into_iter().map(|task| (task, KillReason::ScaledDown)));
    }
    let start = if old.is_empty() {
        wanted.saturating_sub(new.len())
    } else {
        roll(app, &old, &new, stopping, &mut plan)
    };
    plan.start = start;
    if start > 0 {
        plan.delayed_until = backoff.not_before(now);
        let until = plan.delayed_until;
        wake(&mut plan, until);
    }
    plan
}

/// One step of the rolling replace; answers how many to start.
fn roll(app: &App, old: &[&Instance], new: &[&Instance], stopping: usize, plan: &mut Plan) -> usize {
    // A restart of the scheduler forgets results: old instances are good until a check of theirs fails.
    let old_healthy = old.iter().filter(|i| i.serves()).count();
    let new_healthy = new.iter().filter(|i| i.is_healthy()).count();
    let upgrade = &app.definition.upgrade_strategy;
    let mut limits = Limits {
        instances: app.definition.instances as usize,
        minimum_health: upgrade.minimum_health_capacity,
        over_capacity: upgrade.maximum_over_capacity,
    };
    // Only agents leave, the version stays: where the strategy has room for it, the replacement runs first.
    let only_moved = old.iter().all(|instance| instance.version == app.version);
    if only_moved && replace::most(&limits, limits.instances) > limits.instances {
        limits.minimum_health = 1.0;
    }
    let counts = Counts {
        old_healthy,
        old_unhealthy: old.len() - old_healthy,
        new_healthy,
        new_unhealthy: new.len() - new_healthy,
        stopping,
    };
    let step = replace::next(&limits, &counts);
    let mut order = old.to_vec();
    order.sort_by_key(|instance| instance.is_healthy());
    plan.kill.extend(
        order
            .iter()
            .take(step.kill)
            .map(|i| (i.task.clone(), KillReason::Replaced)),
    );
    step.start
}

enum Reachability {
    Waiting(Option<Timestamp>),
    Inactive(Option<Timestamp>),
    Expunged,
}

fn reachability(app: &App, instance: &Instance, now: Timestamp) -> Reachability {
    let UnreachableStrategy::Wait {
        inactive_after_seconds,
        expunge_after_seconds,
    } = app.definition.unreachable_strategy
    else {
        return Reachability::Waiting(None);
    };
    let inactive = after(
        instance.since,
        SignedDuration::from_secs(inactive_after_seconds.into()),
    );
    let expunged = after(
        instance.since,
        SignedDuration::from_secs(expunge_after_seconds.into()),
    );
    if now >= expunged {
        Reachability::Expunged
    } else if now >= inactive {
        Reachability::Inactive(Some(expunged))
    } else {
        Reachability::Waiting(Some(inactive))
    }
}

fn launch_deadline(instance: &Instance) -> Option<Timestamp> {
    match instance.state {
        State::Staging | State::Starting => Some(after(instance.staged, LAUNCH_TIMEOUT)),
        State::Running | State::Killing | State::Unreachable => None,
    }
}

fn retry_kill(plan: &mut Plan, instance: &Instance, now: Timestamp) {
    if let Some(sent) = instance.kill_sent {
        let again = after(sent, KILL_RETRY);
        if again <= now {
            plan.kill.push((instance.task.clone(), KillReason::Retry));
        } else {
            wake(plan, Some(again));
        }
    }
}

/// The agents that count for constraints: lost instances do not.
#[must_use]
pub fn placed(instances: &[Instance]) -> Vec<&Agent> {
    instances
        .iter()
        .filter(|i| i.state != State::Unreachable)
        .map(|i| &i.agent)
        .collect()
}

fn after(start: Timestamp, wait: SignedDuration) -> Timestamp {
    start.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn wake(plan: &mut Plan, at: Option<Timestamp>) {
    plan.wake = match (plan.wake, at) {
        (Some(have), Some(new)) => Some(have.min(new)),
        (have, new) => have.or(new),
    };
}
