//! What to do next, from what is wanted and what is seen. Pure: no clock, no client.
//!
//! ```text
//! start  (adds a component)            all nodes at once, but masters after the ZooKeeper quorum, agents after the leader
//! roll   (changes or drops something)  one node at a time, leader last, only while enough others serve
//! repair (changes what is down anyway) at once: nothing can be lost
//! ```
//!
//! The unit is the node, since a node is always told its whole set.

mod gap;
mod permits;
mod safety;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use super::departures::departures;
use super::model::{Desired, World, members, quorum};
use crate::nodes::{Ids, Kind, Ledger, Order, Slot};
use crate::problem::Problem;
use gap::{Gap, note_plan, rank, wanted};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, PlanStep};
use mesolith_proto::node::v1::{Component, LiveSettings};
use permits::Permits;
use safety::{agent_has_tasks, unsafe_to_stop};
use std::collections::BTreeSet;

/// Most steps of the plan in the status. Later steps are shown when they are due.
const PLAN_LIMIT: usize = 64;

/// What spec and form say beyond the component sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// Whether the cluster is paused, so that nothing is changed.
    pub(crate) paused: bool,
    /// Whether agents with tasks are removed too: their tasks are killed with their grace first.
    pub(crate) force_removal: bool,
    /// Nodes whose agents are removed with their tasks all the same.
    pub(crate) forced: BTreeSet<String>,
    /// `metadata.generation`.
    pub(crate) generation: u64,
    /// The side whose masters are to lead, while the cluster moves.
    pub(crate) leads: Option<ClusterSide>,
    /// The ids of components on nodes.
    pub(crate) ids: Ids,
}

/// What to do, what is planned, and what is waited for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Decision {
    /// To be done now, in parallel.
    pub(crate) effects: Vec<Effect>,
    /// All that is left to do, in order.
    pub(crate) plan: Vec<PlanStep>,
    /// Why the rest of the plan is not done now.
    pub(crate) waits: Vec<Problem>,
}

/// Something to tell one node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    /// Name of the node.
    pub(crate) node: String,
    /// What it is told.
    pub(crate) order: Order,
}

/// Decides the next step of a cluster.
pub(crate) fn decide(desired: &Desired, world: &World, rules: &Rules) -> Decision {
    let mut decision = Decision::default();
    let gates = Gates::of(desired, world);
    let permits = Permits::of(desired, world, rules.leads);
    let mut rolls: Vec<(&str, &Ledger, Gap)> = Vec::new();
    for (node, view) in &world.nodes {
        let Some(ledger) = view.ledger() else { continue };
        // A node that has not yet shown the set it was sent last is not judged by an older one.
        if ledger.removing || ledger.stale {
            continue;
        }
        let gap = Gap::between(&wanted(desired, &permits, node), ledger);
        note_plan(&mut decision.plan, node, &gap, rules);
        if rules.paused {
            continue;
        }
        if gap.disturbed().next().is_some() {
            rolls.push((node, ledger, gap));
        } else if !gap.tell.is_empty() || gap.start.iter().any(|slot| gates.open(*slot)) {
            decision
                .effects
                .push(effect(desired, node, ledger, (&gates, &permits), rules));
        }
    }
    decision.plan.sort_by_key(|step| rank(&rules.ids, step));
    decision.plan.truncate(PLAN_LIMIT);
    roll(desired, world, rules, (&gates, &permits), rolls, &mut decision);
    // Departures come before the waits that they cause.
    decision.waits.splice(0..0, departures(&world.nodes));
    decision.waits.extend(permits.wait);
    decision
}

/// Takes at most one node out of service; nodes whose components are down anyway come first and all at once.
fn roll(
    desired: &Desired,
    world: &World,
    rules: &Rules,
    gates: (&Gates, &Permits),
    mut rolls: Vec<(&str, &Ledger, Gap)>,
    decision: &mut Decision,
) {
    rolls.sort_by_key(|(node, ledger, gap)| order(node, ledger, gap));
    let mut disturbed_one = false;
    for (node, ledger, gap) in rolls {
        let forced = rules.force_removal || rules.forced.contains(node);
        let refusal = if gap.remove.iter().any(|slot| slot.kind == Kind::Agent) && !forced {
            agent_has_tasks(world, node)
        } else {
            None
        };
        // An agent that leaves takes nothing with it that others have to make up for.
        if refusal.is_none() && gap.disturbed().all(|slot| slot.kind == Kind::Agent) && gap.change.is_empty()
        {
            decision.effects.push(effect(desired, node, ledger, gates, rules));
            continue;
        }
        let refusal = refusal.or_else(|| {
            let serving = gap
                .disturbed()
                .any(|slot| ledger.parts.get(&slot).is_some_and(|part| part.runs()));
            let must_wait = serving || !gap.remove.is_empty();
            if !must_wait {
                return None;
            }
            if disturbed_one {
                let message = format!("{node} follows when the node before it serves again");
                return Some(Problem::new(Reason::RollingOneByOne, message).on(node));
            }
            gap.disturbed()
                .find_map(|slot| unsafe_to_stop(desired, world, node, slot, gap.remove.contains(&slot)))
        });
        match refusal {
            Some(problem) => decision.waits.push(problem),
            None => {
                disturbed_one |= gap
                    .disturbed()
                    .any(|slot| ledger.parts.get(&slot).is_some_and(|part| part.runs()));
                decision.effects.push(effect(desired, node, ledger, gates, rules));
            }
        }
    }
}

/// Kinds in the order of a cluster's start; what is down first, the leader last.
fn order(node: &str, ledger: &Ledger, gap: &Gap) -> (Option<Slot>, bool, bool, String) {
    let disturbed = || gap.disturbed().filter_map(|slot| ledger.parts.get(&slot));
    let runs = disturbed().any(|part| part.runs());
    (
        gap.disturbed().min(),
        runs,
        disturbed().any(|part| part.leads()),
        node.to_owned(),
    )
}

/// Which components may be started.
struct Gates {
    /// Sides whose ensemble has a quorum, or is not ours.
    quorate: Vec<ClusterSide>,
    agents: bool,
}

impl Gates {
    fn of(desired: &Desired, world: &World) -> Self {
        let quorate = |side: &ClusterSide| {
            let slot = Slot::on(*side, Kind::ZooKeeper);
            let servers = members(desired, slot);
            let size = servers.clone().count();
            size == 0 || world.running(slot, servers) >= quorum(size)
        };
        let mut sides = vec![ClusterSide::Source, ClusterSide::Target];
        sides.retain(quorate);
        Self {
            quorate: sides,
            agents: world.leader().is_some(),
        }
    }

    fn open(&self, slot: Slot) -> bool {
        match slot.kind {
            Kind::ZooKeeper => true,
            Kind::Master | Kind::Sync => self.quorate.contains(&slot.side),
            Kind::Agent => self.agents,
        }
    }
}

/// The node's whole set: wanted parts that it has, in their new form, and missing wanted parts whose gate is open.
fn effect(
    desired: &Desired,
    node: &str,
    ledger: &Ledger,
    (gates, permits): (&Gates, &Permits),
    rules: &Rules,
) -> Effect {
    let components: Vec<Component> = desired
        .get(node)
        .into_iter()
        .flatten()
        .filter(|(slot, _)| ledger.parts.contains_key(slot) || gates.open(**slot))
        .map(|(slot, component)| Component {
            live: live(*slot, component, permits, rules),
            ..component.clone()
        })
        .collect();
    let generation = next_generation(ledger, rules);
    let order = if components.is_empty() {
        Order::Leave { generation }
    } else {
        Order::Apply {
            generation,
            components,
        }
    };
    Effect {
        node: node.to_owned(),
        order,
    }
}

/// What a component follows while it runs. Only masters of a cluster that moves are told, and servers that are parked.
fn live(slot: Slot, component: &Component, permits: &Permits, rules: &Rules) -> Option<LiveSettings> {
    let told = rules.leads.is_some() && slot.kind == Kind::Master;
    match told {
        true => Some(LiveSettings {
            may_lead: Some(permits.may_lead(slot)),
            ..LiveSettings::default()
        }),
        false => component.live,
    }
}

/// Spec generation in the upper bits, so that logs show which spec a set belongs to; always above the ledger's.
pub(crate) fn next_generation(ledger: &Ledger, rules: &Rules) -> u64 {
    (rules.generation << 20).max(ledger.generation + 1)
}

/// Whether nothing is left to do and nothing is unknown: every node answers and has exactly what is wanted.
#[cfg(test)]
pub(crate) fn converged(desired: &Desired, world: &World) -> bool {
    use crate::nodes::NodeView;
    world.nodes.iter().all(|(node, view)| match view {
        NodeView::Seen(ledger) => {
            let gap = Gap::between(&wanted(desired, &Permits::default(), node), ledger);
            !ledger.removing && !ledger.stale && gap.start.is_empty() && gap.disturbed().next().is_none()
        }
        NodeView::Unknown | NodeView::Unreachable(_) => false,
    })
}
