//! The changes that the target refuses, and when they are tried again.

use std::sync::Arc;

use super::{Pipeline, Trees};
use crate::plan::{Part, Refused, Source, Why, can_raise};

impl Pipeline {
    /// The refused changes, by the target's names.
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    /// The longest packet that the target's servers take from clients, in bytes.
    pub fn largest(&self) -> usize {
        self.largest
    }

    /// Sets that length. Changes that fit by now are tried again.
    pub fn set_largest(&mut self, largest: usize, trees: Trees<'_>) {
        let before = std::mem::replace(&mut self.largest, largest);
        if largest > before {
            let too_large = |why: Why| matches!(why, Why::TooLarge { .. });
            let again = self.refused.iter().filter(|(.., refusal)| too_large(refusal.why));
            let paths: Vec<Box<str>> = again.map(|(path, ..)| path.into()).collect();
            self.repair_all(paths, trees);
        }
    }

    /// Tries all refused changes again, since there is a reason to.
    pub fn try_refused(&mut self, trees: Trees<'_>) {
        let paths = self.refused.release();
        self.repair_all(paths, trees);
    }

    /// Called every second: tries nodes again that have changed since.
    pub fn try_changed(&mut self, trees: Trees<'_>) {
        let paths = self.refused.waited();
        self.repair_all(paths, trees);
    }

    /// Forgets refused changes that are not needed any more, since both sides are equal.
    pub fn settle_refused(&mut self, trees: Trees<'_>) {
        if self.refused.is_empty() {
            return;
        }
        let routes = Arc::clone(&self.routes);
        let source = Source {
            tree: trees.source,
            routes: &routes,
            side: self.from,
        };
        let (common, overlay) = (&self.common, &self.overlay);
        self.refused.settle(|path, part| {
            let node = match part {
                Part::Counter => source.counted(path),
                _ => source.get(path),
            };
            // What the target has is not what it will have, while a create or a delete of it is on its way.
            let now = trees.target.get(path);
            let (comes, goes) = (
                overlay.expects(path) == Some(true),
                overlay.expects(path) == Some(false),
            );
            match (part, node, now) {
                (Part::Node, _, now) => (now.is_some() && !goes) || !source.needs(path),
                (Part::Data | Part::List | Part::Counter, ..) if goes => true,
                (Part::Data, Some(node), Some(now)) => {
                    let (wanted, found) = (node.stored().version, now.stored().version);
                    let length = node.data().map_or(0, <[u8]>::len);
                    common.same_data(node.data(), now.data()) && !can_raise(wanted, found, length)
                }
                (Part::List, Some(node), Some(now)) => common.same_list(node.acl(), now.acl()),
                (Part::Counter, Some(node), Some(now)) => {
                    node.stored().cversion.wrapping_sub(now.stored().cversion) <= 0
                }
                (Part::Data | Part::List | Part::Counter, Some(_), None) => !comes,
                (Part::Data | Part::List | Part::Counter, None, _) => true,
                (Part::Delete, node, now) => node.is_some() || now.is_none(),
            }
        });
        self.come_below(trees);
    }

    /// Plans the nodes below a node that was refused and exists now.
    pub(super) fn come_below(&mut self, trees: Trees<'_>) {
        for path in self.refused.take_made() {
            if let Some((above, _)) = path.rsplit_once('/') {
                self.counted_twice
                    .push(if above.is_empty() { "/" } else { above }.into());
            }
            let routes = Arc::clone(&self.routes);
            let source = Source {
                tree: trees.source,
                routes: &routes,
                side: self.from,
            };
            let mut below = match source.get(&path) {
                Some(node) => node.children().collect(),
                None => source.roots_under(&path),
            };
            let mut paths: Vec<Box<str>> = Vec::new();
            while let Some(node) = below.pop() {
                let there = routes
                    .carried(self.from, &node.path())
                    .map(|there| there.as_ref().into());
                paths.extend(there);
                below.extend(node.children());
            }
            self.repair_all(paths, trees);
        }
    }

    /// Nodes whose counter counts a child twice: when it was refused, and again when it was made.
    pub(crate) fn take_counted_twice(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.counted_twice)
    }

    fn repair_all(&mut self, paths: Vec<Box<str>>, trees: Trees<'_>) {
        for path in paths {
            self.repair(path, trees);
        }
    }
}
