//! The nodes that may hold something of a cluster: on record before the act, and until they are seen to be clean. Pure.

use super::model::Desired;
use crate::nodes::{Ledger, NodeView};
use std::collections::{BTreeMap, BTreeSet};

/// The record to write before these sets are sent.
pub(crate) fn after(
    before: &BTreeMap<String, String>,
    addresses: &BTreeMap<String, String>,
    desired: &Desired,
    views: &BTreeMap<String, NodeView>,
    targets: &BTreeSet<&str>,
) -> BTreeMap<String, String> {
    let mut managed = before.clone();
    for (node, address) in addresses {
        if targets.contains(node.as_str()) || managed.contains_key(node) {
            managed.insert(node.clone(), address.clone());
        }
    }
    managed.retain(|node, _| {
        let clean = matches!(
            views.get(node),
            Some(NodeView::Seen(Ledger {
                present: false,
                stale: false,
                ..
            }))
        );
        desired.contains_key(node) || targets.contains(node.as_str()) || !clean
    });
    managed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean() -> NodeView {
        NodeView::Seen(Ledger {
            generation: 7,
            settled: true,
            ..Ledger::default()
        })
    }

    #[test]
    fn the_record_grows_before_the_act_and_shrinks_when_a_node_is_clean() {
        let text = |s: &str| s.to_owned();
        let addresses: BTreeMap<_, _> = [(text("a"), text("h:1")), (text("b"), text("h:2"))].into();
        let none = BTreeMap::new();
        let first = after(
            &none,
            &addresses,
            &Desired::new(),
            &BTreeMap::new(),
            &["a"].into(),
        );
        assert_eq!(first.keys().collect::<Vec<_>>(), ["a"]);
        let views: BTreeMap<_, _> = [(text("a"), clean())].into();
        assert!(after(&first, &addresses, &Desired::new(), &views, &[].into()).is_empty());
        let unreachable = [(text("a"), NodeView::Unknown)].into();
        assert_eq!(
            after(&first, &addresses, &Desired::new(), &unreachable, &[].into()).len(),
            1
        );
    }
}
