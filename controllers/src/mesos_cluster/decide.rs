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
mod safety;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use super::departures::departures;
use super::model::{Desired, World, members, quorum};
use crate::nodes::{Kind, Ledger, Order};
use crate::problem::Problem;
use gap::{Gap, note_plan, wanted};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::PlanStep;
use mesolith_proto::node::v1::Component;
use safety::{agent_has_tasks, unsafe_to_stop};

/// Most steps of the plan in the status. Later steps are shown when they are due.
const PLAN_LIMIT: usize = 64;

/// What the spec says beyond the component sets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    /// Whether the cluster is paused, so that nothing is changed.
    pub(crate) paused: bool,
    /// Whether agents with tasks are removed too: their tasks are killed with their grace first.
    pub(crate) force_removal: bool,
    /// `metadata.generation`.
    pub(crate) generation: u64,
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
pub(crate) fn decide(desired: &Desired, world: &World, rules: Rules) -> Decision {
    let mut decision = Decision::default();
    let gates = Gates::of(desired, world);
    let mut rolls: Vec<(&str, &Ledger, Gap)> = Vec::new();
    for (node, view) in &world.nodes {
        let Some(ledger) = view.ledger() else { continue };
        // A node that has not yet shown the set it was sent last is not judged by an older one.
        if ledger.removing || ledger.stale {
            continue;
        }
        let gap = Gap::between(&wanted(desired, node), ledger);
        note_plan(&mut decision.plan, node, &gap, rules);
        if rules.paused {
            continue;
        }
        if gap.disturbed().next().is_some() {
            rolls.push((node, ledger, gap));
        } else if gap.start.iter().any(|kind| gates.open(*kind)) {
            decision
                .effects
                .push(effect(desired, node, ledger, &gates, rules));
        }
    }
    decision.plan.sort_by_key(|step| Kind::of(&step.component));
    decision.plan.truncate(PLAN_LIMIT);
    roll(desired, world, rules, &gates, rolls, &mut decision);
    // Departures come before the waits that they cause.
    decision.waits.splice(0..0, departures(&world.nodes));
    decision
}

/// Takes at most one node out of service; nodes whose components are down anyway come first and all at once.
fn roll(
    desired: &Desired,
    world: &World,
    rules: Rules,
    gates: &Gates,
    mut rolls: Vec<(&str, &Ledger, Gap)>,
    decision: &mut Decision,
) {
    rolls.sort_by_key(|(node, ledger, gap)| order(node, ledger, gap));
    let mut disturbed_one = false;
    for (node, ledger, gap) in rolls {
        let refusal = if gap.remove.contains(&Kind::Agent) && !rules.force_removal {
            agent_has_tasks(world, node)
        } else {
            None
        };
        let refusal = refusal.or_else(|| {
            let serving = gap
                .disturbed()
                .any(|kind| ledger.parts.get(&kind).is_some_and(|part| part.runs()));
            let must_wait = serving || !gap.remove.is_empty();
            if !must_wait {
                return None;
            }
            if disturbed_one {
                let message = format!("{node} follows when the node before it serves again");
                return Some(Problem::new(Reason::RollingOneByOne, message).on(node));
            }
            gap.disturbed()
                .find_map(|kind| unsafe_to_stop(desired, world, node, kind, gap.remove.contains(&kind)))
        });
        match refusal {
            Some(problem) => decision.waits.push(problem),
            None => {
                disturbed_one |= gap
                    .disturbed()
                    .any(|k| ledger.parts.get(&k).is_some_and(|part| part.runs()));
                decision.effects.push(effect(desired, node, ledger, gates, rules));
            }
        }
    }
}

/// Kinds in the order of a cluster's start; what is down first, the leader last.
fn order(node: &str, ledger: &Ledger, gap: &Gap) -> (Option<Kind>, bool, bool, String) {
    let disturbed = || gap.disturbed().filter_map(|kind| ledger.parts.get(&kind));
    let runs = disturbed().any(|part| part.runs());
    (
        gap.disturbed().min(),
        runs,
        disturbed().any(|part| part.leads()),
        node.to_owned(),
    )
}

/// Which kinds may be started.
struct Gates {
    masters: bool,
    agents: bool,
}

impl Gates {
    fn of(desired: &Desired, world: &World) -> Self {
        let servers = members(desired, Kind::ZooKeeper);
        let size = servers.clone().count();
        let quorate = size == 0 || world.running(Kind::ZooKeeper, servers) >= quorum(size);
        Self {
            masters: quorate,
            agents: world.leader().is_some(),
        }
    }

    fn open(&self, kind: Kind) -> bool {
        match kind {
            Kind::ZooKeeper => true,
            Kind::Master => self.masters,
            Kind::Agent => self.agents,
        }
    }
}

/// The node's whole set: wanted parts that it has, in their new form, and missing wanted parts whose gate is open.
fn effect(desired: &Desired, node: &str, ledger: &Ledger, gates: &Gates, rules: Rules) -> Effect {
    let components: Vec<Component> = desired
        .get(node)
        .into_iter()
        .flatten()
        .filter(|(kind, _)| ledger.parts.contains_key(kind) || gates.open(**kind))
        .map(|(_, component)| component.clone())
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

/// Spec generation in the upper bits, so that logs show which spec a set belongs to; always above the ledger's.
pub(crate) fn next_generation(ledger: &Ledger, rules: Rules) -> u64 {
    (rules.generation << 20).max(ledger.generation + 1)
}

/// Whether nothing is left to do and nothing is unknown: every node answers and has exactly what is wanted.
#[cfg(test)]
pub(crate) fn converged(desired: &Desired, world: &World) -> bool {
    use crate::nodes::NodeView;
    world.nodes.iter().all(|(node, view)| match view {
        NodeView::Seen(ledger) => {
            let gap = Gap::between(&wanted(desired, node), ledger);
            !ledger.removing && !ledger.stale && gap.start.is_empty() && gap.disturbed().next().is_none()
        }
        NodeView::Unknown | NodeView::Unreachable(_) => false,
    })
}
