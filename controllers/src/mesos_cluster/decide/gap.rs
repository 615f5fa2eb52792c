//! The difference between what a node has and what it should have, as a plan shows it.

use super::Rules;
use crate::mesos_cluster::model::Desired;
use crate::nodes::{Kind, Ledger};
use mesolith_crds::v1alpha1::mesos_cluster::PlanStep;

/// The difference between what a node has and what it should have.
#[derive(Debug, Default)]
pub(super) struct Gap {
    pub(super) start: Vec<Kind>,
    pub(super) change: Vec<Kind>,
    pub(super) remove: Vec<Kind>,
}

impl Gap {
    pub(super) fn between(wanted: &[(Kind, String)], ledger: &Ledger) -> Self {
        let mut gap = Gap::default();
        for (kind, digest) in wanted {
            match ledger.parts.get(kind) {
                None => gap.start.push(*kind),
                Some(part) if part.digest != *digest => gap.change.push(*kind),
                Some(_) => {}
            }
        }
        let unwanted = ledger
            .parts
            .iter()
            .filter(|(kind, _)| !wanted.iter().any(|(w, _)| w == *kind));
        // A part without a digest is no longer in the node's ledger; it is being stopped.
        gap.remove = unwanted
            .filter(|(_, part)| !part.digest.is_empty())
            .map(|(kind, _)| *kind)
            .collect();
        gap
    }

    pub(super) fn disturbed(&self) -> impl Iterator<Item = Kind> + '_ {
        self.change.iter().chain(&self.remove).copied()
    }
}

pub(super) fn wanted(desired: &Desired, node: &str) -> Vec<(Kind, String)> {
    desired
        .get(node)
        .into_iter()
        .flatten()
        .map(|(kind, c)| (*kind, c.spec_digest.clone()))
        .collect()
}

pub(super) fn note_plan(plan: &mut Vec<PlanStep>, node: &str, gap: &Gap, rules: Rules) {
    let mut note = |kinds: &[Kind], action: &str| {
        plan.extend(kinds.iter().map(|kind| PlanStep {
            node: node.to_owned(),
            component: kind.id().to_owned(),
            action: action.to_owned(),
            cause: format!("generation {} of the spec", rules.generation),
        }));
    };
    note(&gap.start, "Start");
    note(&gap.change, "Restart");
    let drained = |kind: &Kind| *kind == Kind::Agent && !rules.force_removal;
    let (drains, removals): (Vec<Kind>, Vec<Kind>) = gap.remove.iter().partition(|kind| drained(kind));
    note(&drains, "Drain");
    note(&removals, "Remove");
}
