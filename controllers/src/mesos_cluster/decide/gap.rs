//! The difference between what a node has and what it should have, as a plan shows it.

use super::Rules;
use super::permits::Permits;
use crate::mesos_cluster::model::{Desired, is_parked};
use crate::nodes::{Ids, Kind, Ledger, Slot};
use mesolith_crds::v1alpha1::mesos_cluster::PlanStep;

/// The difference between what a node has and what it should have.
#[derive(Debug, Default)]
pub(super) struct Gap {
    pub(super) start: Vec<Slot>,
    pub(super) change: Vec<Slot>,
    pub(super) remove: Vec<Slot>,
    /// Only what a component follows while it runs is another.
    pub(super) tell: Vec<Slot>,
}

impl Gap {
    pub(super) fn between(wanted: &[Wanted], ledger: &Ledger) -> Self {
        let mut gap = Gap::default();
        for Wanted {
            slot,
            digest,
            may_lead,
            parked,
        } in wanted
        {
            match ledger.parts.get(slot) {
                None => gap.start.push(*slot),
                Some(part) if part.digest != *digest => gap.change.push(*slot),
                Some(part) if part.told_to_lead() != *may_lead || part.told_to_park != *parked => {
                    gap.tell.push(*slot);
                }
                Some(_) => {}
            }
        }
        let unwanted = ledger
            .parts
            .iter()
            .filter(|(slot, _)| !wanted.iter().any(|wanted| wanted.slot == **slot));
        // A part without a digest is no longer in the node's ledger; it is being stopped.
        gap.remove = unwanted
            .filter(|(_, part)| !part.digest.is_empty())
            .map(|(slot, _)| *slot)
            .collect();
        gap
    }

    pub(super) fn disturbed(&self) -> impl Iterator<Item = Slot> + '_ {
        self.change.iter().chain(&self.remove).copied()
    }
}

/// What a component is to be.
#[derive(Debug)]
pub(super) struct Wanted {
    slot: Slot,
    digest: String,
    may_lead: bool,
    parked: bool,
}

pub(super) fn wanted(desired: &Desired, permits: &Permits, node: &str) -> Vec<Wanted> {
    desired
        .get(node)
        .into_iter()
        .flatten()
        .map(|(slot, component)| Wanted {
            slot: *slot,
            digest: component.spec_digest.clone(),
            may_lead: permits.may_lead(*slot),
            parked: is_parked(component),
        })
        .collect()
}

pub(super) fn note_plan(plan: &mut Vec<PlanStep>, node: &str, gap: &Gap, rules: &Rules) {
    let mut note = |slots: &[Slot], action: &str| {
        plan.extend(slots.iter().map(|slot| PlanStep {
            node: node.to_owned(),
            component: rules.ids.id(*slot).to_owned(),
            action: action.to_owned(),
            cause: format!("generation {} of the spec", rules.generation),
        }));
    };
    note(&gap.start, "Start");
    note(&gap.change, "Restart");
    let drained = |slot: &Slot| slot.kind == Kind::Agent && !rules.force_removal;
    let (drains, removals): (Vec<Slot>, Vec<Slot>) = gap.remove.iter().partition(|slot| drained(slot));
    note(&drains, "Drain");
    note(&removals, "Remove");
}

/// The order in which steps are shown: that of a cluster's start.
pub(super) fn rank(ids: &Ids, step: &PlanStep) -> Option<Slot> {
    ids.slot(&step.component)
}
