//! Decides when a component must not be stopped, because something would no longer work without it.

use crate::mesos_cluster::model::{Desired, World, members, quorum};
use crate::nodes::{Kind, Part, Slot};
use crate::problem::Problem;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::ClusterSide;
use std::collections::BTreeSet;

/// Why the component of that kind must not be stopped on that node now.
pub(super) fn unsafe_to_stop(
    desired: &Desired,
    world: &World,
    node: &str,
    slot: Slot,
    leaving: bool,
) -> Option<Problem> {
    let kind = slot.kind;
    let wanted_on: BTreeSet<&String> = members(desired, slot).collect();
    if wanted_on.is_empty() && leaving {
        return left_behind(desired, world, node, slot);
    }
    // A component that was told its present set and does not serve yet: only one at a time may be in this state.
    let busy = wanted_on
        .iter()
        .filter(|other| other.as_str() != node)
        .find_map(|other| {
            let ledger = world.nodes.get(other.as_str())?.ledger()?;
            let part = ledger.parts.get(&slot)?;
            let current = desired.get(other.as_str())?.get(&slot)?.spec_digest == part.digest;
            let busy = ledger.stale || !ledger.settled || (current && !part.runs());
            busy.then(|| format!("{kind} of {other}: {}", describe(part), kind = kind.name()))
        });
    if let Some(what) = busy {
        let message = format!("{node} is next; waiting for {what}");
        return Some(Problem::new(Reason::RollingOneByOne, message).on(node));
    }
    if matches!(kind, Kind::Agent | Kind::Sync) {
        return None;
    }
    if leaving {
        // The others must already work without it, and all know the new list of members.
        let stale = wanted_on.iter().find(|other| {
            let wanted = desired
                .get(other.as_str())
                .and_then(|set| set.get(&slot))
                .map(|c| &c.spec_digest);
            world.part(other, slot).map(|part| &part.digest) != wanted
        });
        if let Some(other) = stale {
            let message = format!(
                "{} leaves {node} once {other} has the new list of members",
                kind.name()
            );
            return Some(Problem::new(waiting_for(kind), message).on(node));
        }
    }
    let others = world.running(
        slot,
        wanted_on.iter().copied().filter(|other| other.as_str() != node),
    );
    let size = wanted_on.len();
    let needed = quorum(size);
    // One or two members have no spare. They can only be restarted with a pause, and only while all serve.
    let spare = others >= needed || (size <= 2 && !leaving && others + 1 == size);
    (!spare).then(|| {
        let message = format!(
            "{} on {node} is not restarted: {others} of the other {} serve, {needed} are needed",
            kind.name(),
            kind.plural()
        );
        Problem::new(waiting_for(kind), message).on(node)
    })
}

/// The last of a kind leave its side only when nobody needs them any more: ZooKeeper servers when no master and no
/// engine does, masters when those of the other side serve, one after another.
fn left_behind(desired: &Desired, world: &World, node: &str, slot: Slot) -> Option<Problem> {
    match slot.kind {
        Kind::ZooKeeper => {
            dependents(slot.side).find_map(|dependent| needed_by(desired, world, node, slot, dependent))
        }
        Kind::Master => masters_stay(desired, world, node, slot),
        Kind::Sync | Kind::Agent => None,
    }
}

/// What works with the ensemble of a side.
fn dependents(side: ClusterSide) -> impl Iterator<Item = Slot> {
    let engine = Slot::on(ClusterSide::Target, Kind::Sync);
    [Slot::on(side, Kind::Master), engine].into_iter()
}

fn needed_by(desired: &Desired, world: &World, node: &str, slot: Slot, dependent: Slot) -> Option<Problem> {
    let behind = |other: &&String| {
        let wanted = desired
            .get(other.as_str())
            .and_then(|set| set.get(&dependent))
            .map(|c| &c.spec_digest);
        world.part(other, dependent).map(|part| &part.digest) != wanted
    };
    let is_there = |node: &&String| world.part(node, dependent).is_some();
    let other = match members(desired, dependent).next() {
        Some(_) => members(desired, dependent).find(behind),
        None => world.nodes.keys().find(is_there),
    };
    other.map(|other| {
        let message = format!(
            "{} leaves {node} once the {} of {other} no longer needs it",
            slot.kind.name(),
            dependent.kind.name()
        );
        Problem::new(waiting_for(dependent.kind), message).on(node)
    })
}

/// Somebody has to lead when the last masters of a side are gone, and one is stopped after another.
fn masters_stay(desired: &Desired, world: &World, node: &str, slot: Slot) -> Option<Problem> {
    let stopping = world.nodes.keys().find(|other| {
        let part = world.part(other, slot);
        part.is_some_and(|part| part.digest.is_empty())
    });
    if let Some(other) = stopping {
        let message = format!("{node} is next; the master of {other} is being stopped");
        return Some(Problem::new(Reason::RollingOneByOne, message).on(node));
    }
    let others = Slot::on(slot.side.other(), Kind::Master);
    let members = members(desired, others);
    let (serving, all) = (world.running(others, members.clone()), members.count());
    (all > 0 && serving < quorum(all)).then(|| {
        let message = format!(
            "the master leaves {node} once {} of the {all} others serve",
            quorum(all)
        );
        Problem::new(waiting_for(Kind::Master), message).on(node)
    })
}

fn waiting_for(kind: Kind) -> Reason {
    match kind {
        Kind::ZooKeeper => Reason::WaitingForQuorum,
        Kind::Master => Reason::WaitingForMasters,
        Kind::Sync => Reason::WaitingForSync,
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
