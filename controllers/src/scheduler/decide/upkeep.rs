//! What is done for no app in particular: stop strays, ask for offers, ask about tasks.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::instance::State;

use super::{Effect, after, earliest};
use crate::scheduler::model::{AppKey, Model};

/// Pause before a kill of a stray that did not stop is sent again.
const KILL_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// Pause between revives for the same demand.
const REVIVE_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// Shortest pause before a revive for a new demand.
const REVIVE_SOONEST: SignedDuration = SignedDuration::from_secs(1);
/// After a subscription agents need this long to report to a new leader; then tasks are asked for by name.
const RECONCILE_FIRST: SignedDuration = SignedDuration::from_secs(90);
/// Pause before tasks are asked for again, since messages can be lost.
const RECONCILE_AGAIN: SignedDuration = SignedDuration::from_secs(600);

/// Stops tasks whose app does not exist, as soon as their agent can hear it.
pub(super) fn strays(model: &mut Model, now: Timestamp, effects: &mut Vec<Effect>) -> Option<Timestamp> {
    let mut wake = None;
    let living: BTreeSet<&String> = model.strays.values().map(|(owner, _)| owner).collect();
    model.condemned.retain(|owner| living.contains(owner));
    for (task, (owner, instance)) in &mut model.strays {
        if !model.condemned.contains(owner) || instance.state == State::Unreachable {
            continue;
        }
        let due = instance.kill_sent.map_or(now, |sent| after(sent, KILL_AGAIN));
        if due > now {
            wake = earliest(wake, Some(due));
            continue;
        }
        instance.kill_sent = Some(now);
        wake = earliest(wake, Some(after(now, KILL_AGAIN)));
        effects.push(Effect::Kill {
            task: task.clone(),
            agent: instance.agent.id.clone(),
        });
    }
    wake
}

/// Asks for offers when something new wants to start, and from time to time while something waits.
pub(super) fn revive(
    model: &mut Model,
    waiting: Vec<(AppKey, String, usize)>,
    now: Timestamp,
    effects: &mut Vec<Effect>,
) -> Option<Timestamp> {
    if waiting.is_empty() {
        model.revived_for.clear();
        return None;
    }
    let pause = if waiting == model.revived_for {
        REVIVE_AGAIN
    } else {
        REVIVE_SOONEST
    };
    let due = model.revived_at.map_or(now, |last| after(last, pause));
    if due > now {
        return Some(due);
    }
    effects.push(Effect::Revive);
    model.revived_at = Some(now);
    model.revived_for = waiting;
    Some(after(now, REVIVE_AGAIN))
}

/// Asks for tasks by name, once agents had the time to report to the leader; and for all tasks, since one that was
/// given up may have come back with an agent that a new leader did not know as lost.
pub(super) fn reconcile(model: &mut Model, now: Timestamp, effects: &mut Vec<Effect>) -> Option<Timestamp> {
    let due = match (model.reconciled_at, model.subscribed_at) {
        (Some(last), _) => after(last, RECONCILE_AGAIN),
        (None, Some(subscribed)) => after(subscribed, RECONCILE_FIRST),
        (None, None) => return None,
    };
    if due > now {
        return Some(due);
    }
    model.reconciled_at = Some(now);
    let tasks: Vec<(String, String)> = model
        .apps
        .values()
        .flat_map(|state| state.instances.values())
        .map(|instance| (instance.task.to_string(), instance.agent.id.clone()))
        .collect();
    if !tasks.is_empty() {
        effects.push(Effect::Reconcile(tasks));
    }
    effects.push(Effect::Reconcile(Vec::new()));
    Some(after(now, RECONCILE_AGAIN))
}
