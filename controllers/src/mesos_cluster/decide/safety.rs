//! Decides when a component must not be stopped, because something would no longer work without it.

use crate::mesos_cluster::model::{Desired, World, members, quorum};
use crate::nodes::{Kind, Part};
use crate::problem::Problem;
use mesolith_crds::Reason;
use std::collections::BTreeSet;

/// Why the component of that kind must not be stopped on that node now.
pub(super) fn unsafe_to_stop(
    desired: &Desired,
    world: &World,
    node: &str,
    kind: Kind,
    leaving: bool,
) -> Option<Problem> {
    let wanted_on: BTreeSet<&String> = members(desired, kind).collect();
    if wanted_on.is_empty() && leaving {
        return left_behind(desired, world, node, kind);
    }
    // A component that was told its present set and does not serve yet: only one at a time may be in this state.
    let busy = wanted_on
        .iter()
        .filter(|other| other.as_str() != node)
        .find_map(|other| {
            let ledger = world.nodes.get(other.as_str())?.ledger()?;
            let part = ledger.parts.get(&kind)?;
            let current = desired.get(other.as_str())?.get(&kind)?.spec_digest == part.digest;
            let busy = ledger.stale || !ledger.settled || (current && !part.runs());
            busy.then(|| format!("{kind} of {other}: {}", describe(part), kind = kind.id()))
        });
    if let Some(what) = busy {
        let message = format!("{node} is next; waiting for {what}");
        return Some(Problem::new(Reason::RollingOneByOne, message).on(node));
    }
    if kind == Kind::Agent {
        return None;
    }
    if leaving {
        // The others must already work without it, and all know the new list of members.
        let stale = wanted_on.iter().find(|other| {
            let wanted = desired
                .get(other.as_str())
                .and_then(|set| set.get(&kind))
                .map(|c| &c.spec_digest);
            world.part(other, kind).map(|part| &part.digest) != wanted
        });
        if let Some(other) = stale {
            let message = format!(
                "{} leaves {node} once {other} has the new list of members",
                kind.id()
            );
            return Some(Problem::new(waiting_for(kind), message).on(node));
        }
    }
    let others = world.running(
        kind,
        wanted_on.iter().copied().filter(|other| other.as_str() != node),
    );
    let size = wanted_on.len();
    let needed = quorum(size);
    // One or two members have no spare. They can only be restarted with a pause, and only while all serve.
    let spare = others >= needed || (size <= 2 && !leaving && others + 1 == size);
    (!spare).then(|| {
        let message = format!(
            "{} on {node} is not restarted: {others} of the other {} serve, {needed} are needed",
            kind.id(),
            kind.plural()
        );
        Problem::new(waiting_for(kind), message).on(node)
    })
}

/// The last ZooKeeper servers leave (for an external ensemble) only when no master needs them any more.
fn left_behind(desired: &Desired, world: &World, node: &str, kind: Kind) -> Option<Problem> {
    let dependent = match kind {
        Kind::ZooKeeper => Kind::Master,
        Kind::Master | Kind::Agent => return None,
    };
    let behind = |other: &&String| {
        let wanted = desired
            .get(other.as_str())
            .and_then(|set| set.get(&dependent))
            .map(|c| &c.spec_digest);
        world.part(other, dependent).map(|part| &part.digest) != wanted
    };
    members(desired, dependent).find(behind).map(|other| {
        let message = format!(
            "{} leaves {node} once the {} of {other} no longer needs it",
            kind.id(),
            dependent.id()
        );
        Problem::new(waiting_for(dependent), message).on(node)
    })
}

fn waiting_for(kind: Kind) -> Reason {
    match kind {
        Kind::ZooKeeper => Reason::WaitingForQuorum,
        Kind::Master => Reason::WaitingForMasters,
        Kind::Agent => Reason::WaitingForAgents,
    }
}

fn describe(part: &Part) -> String {
    let phase = part.phase_name();
    match part.reason {
        None => phase.to_owned(),
        Some(reason) => format!("{phase} ({reason}): {}", part.message),
    }
}

pub(super) fn agent_has_tasks(world: &World, node: &str) -> Option<Problem> {
    let message = match world.tasks_on.get(node) {
        Some(0) => return None,
        Some(count) => format!(
            "the agent on {node} leaves the cluster when its {count} tasks have moved or ended; \
             spec.agentRemoval.mode: Force kills them"
        ),
        None => format!("the agent on {node} leaves the cluster; its tasks are not known yet"),
    };
    Some(Problem::new(Reason::AgentHasTasks, message).on(node))
}
