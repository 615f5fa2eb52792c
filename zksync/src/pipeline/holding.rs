//! Nodes that are not written for now, and changes that have lost a conflict.

use super::Pipeline;
use super::unit::Origin;
use crate::plan::{Held, Step};

impl Pipeline {
    /// Holds a subtree, given by the target's name, and drops what is pending for it.
    pub fn hold(&mut self, path: &str) {
        self.held.hold(path);
        self.supersede(path);
    }

    /// Writes the subtree again from now on.
    pub fn release(&mut self, path: &str) -> bool {
        self.held.release(path)
    }

    /// The subtrees that are held.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Whether a pending change touches a node of the target, see [`crate::plan::Overlay::collides`].
    pub fn collides(&self, path: &str, goes: bool) -> bool {
        self.overlay.collides(path, goes)
    }

    /// When the source made the pending change of a node of the target, in milliseconds since 1970.
    pub fn pending_time(&self, path: &str) -> Option<i64> {
        self.units.iter().rev().find_map(|unit| match &unit.origin {
            Origin::Replay(txn)
                if unit
                    .nodes(&self.routes, self.from)
                    .iter()
                    .any(|(node, _)| **node == *path) =>
            {
                Some(txn.header.time)
            }
            _ => None,
        })
    }

    /// The pending changes of a node, or of nodes below it, have lost a conflict. They are not planned again, and
    /// reported if they arrive all the same.
    pub fn supersede(&mut self, path: &str) {
        for unit in &mut self.units {
            let mut lost: Vec<Box<str>> = Vec::new();
            for (node, _) in unit.nodes(&self.routes, self.from) {
                if crate::routes::is_below(&node, path)
                    && !unit.skip.iter().chain(&lost).any(|skipped| *skipped == node)
                {
                    lost.push(node);
                }
            }
            unit.skip.append(&mut lost);
            if unit.sent == 0 {
                let skip = &unit.skip;
                unit.steps.retain(|step| match step {
                    Step::Write { write, .. } => !skip.iter().any(|skipped| **skipped == *write.path()),
                    Step::Open { .. } | Step::Close { .. } => true,
                });
            }
        }
    }
}
