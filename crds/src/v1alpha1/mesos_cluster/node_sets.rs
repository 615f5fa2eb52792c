//! Sets of nodes by the names that they stand for.

use std::collections::BTreeSet;

use super::NodeSet;
use crate::ranges;

/// The names of an expression. Ranges of a spec that was valid before can be expanded.
pub(super) fn names(expression: &str) -> impl Iterator<Item = String> + use<> {
    ranges::expand(expression).unwrap_or_default().into_iter()
}

/// The sets of `more` that name a node which `sets` does not have.
pub(super) fn beyond(sets: &[NodeSet], more: &[NodeSet]) -> Vec<NodeSet> {
    let there: BTreeSet<String> = sets.iter().flat_map(|set| names(&set.name)).collect();
    let is_new = |set: &&NodeSet| names(&set.name).any(|name| !there.contains(&name));
    more.iter().filter(is_new).cloned().collect()
}
