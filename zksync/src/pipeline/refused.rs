//! The changes that the target refuses, and when they are tried again.

use std::sync::Arc;

use mesolith_zk::tree::Tree;

use super::{Pipeline, Trees};
use crate::plan::{Part, Refusal, Refused, Source, Why, can_raise};

/// Error codes of the servers about what is around a node, not about the change itself.
const NO_NODE: i32 = -101;
const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
const NOT_EMPTY: i32 = -111;

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

    /// Called every second: tries nodes again that have changed since, or whose obstacle is gone.
    pub fn try_changed(&mut self, trees: Trees<'_>) {
        self.refused
            .unblock(|path, part, code| is_gone(trees.target, path, part, code));
        let paths = self.refused.waited();
        self.repair_all(paths, trees);
    }

    /// Whether what a refusal was about is gone, so that the change goes through when it is tried again.
    pub fn is_unblocked(&self, path: &str, part: Part, refusal: &Refusal, trees: Trees<'_>) -> bool {
        matches!(refusal.why, Why::Code(code) if is_gone(trees.target, path, part, code))
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

/// Whether the target has no more what an error code was about. A code about the change itself stays.
fn is_gone(target: &Tree, path: &str, part: Part, code: i32) -> bool {
    let above = || {
        path.rsplit_once('/')
            .map(|(above, _)| if above.is_empty() { "/" } else { above })
    };
    match (part, code) {
        (Part::Node, NO_NODE) => above().is_some_and(|above| target.get(above).is_some()),
        (Part::Node, NO_CHILDREN_FOR_EPHEMERALS) => above()
            .and_then(|above| target.get(above))
            .is_some_and(|parent| parent.owner().is_none()),
        (Part::Delete, NOT_EMPTY) => target
            .get(path)
            .is_some_and(|node| node.children().next().is_none()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use mesolith_zk::record::NodeStat;

    use super::*;

    #[test]
    fn what_stands_against_a_change() {
        let mut target = Tree::new();
        let ephemeral = NodeStat {
            ephemeral_owner: 7,
            ..NodeStat::default()
        };
        for (path, stat) in [
            ("/e", ephemeral),
            ("/p", NodeStat::default()),
            ("/p/d", NodeStat::default()),
        ] {
            target.insert(path, None, None, stat).unwrap();
        }
        for (path, part, code, gone) in [
            ("/e/c", Part::Node, NO_CHILDREN_FOR_EPHEMERALS, false),
            ("/p/c", Part::Node, NO_CHILDREN_FOR_EPHEMERALS, true),
            ("/n/c", Part::Node, NO_NODE, false),
            ("/p/c", Part::Node, NO_NODE, true),
            ("/p", Part::Delete, NOT_EMPTY, false),
            ("/p/d", Part::Delete, NOT_EMPTY, true),
            ("/p/c", Part::Node, -102, false),
        ] {
            assert_eq!(is_gone(&target, path, part, code), gone, "{path} {part:?} {code}");
        }
    }
}
