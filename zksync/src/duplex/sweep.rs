//! A walk through both trees. It repairs what differs, unless a change of it is on its way. It fills a target,
//! catches up after a gap in the history, and proves that nothing is left to do.
//!
//! The walk goes by the nodes' numbers, so it can stop and go on while both trees change. Changes behind it are
//! carried by the streams.

use super::compare::Look;
use super::{Base, Both, Duplex, News};
use crate::settings::Side;

/// Most nodes that are kept for a second look.
const MOST_BUSY: usize = 10_000;

/// The state of a walk.
#[derive(Debug, Clone)]
pub struct Sweep {
    side: Side,
    next: usize,
    base: Option<Base>,
    /// Nodes that could not be judged, since a change of them was on its way.
    busy: Vec<(Side, Box<str>)>,
    /// Further such nodes, beyond [`MOST_BUSY`]; the walk does not look at them again.
    unseen: u64,
    /// Nodes that were looked at.
    pub looked: u64,
    /// Nodes of A among them.
    pub on_a: u64,
    /// Nodes that differed.
    pub found: u64,
}

impl Sweep {
    /// Starts at the beginning. `base` is `None` if the sides were never equal.
    pub fn new(base: Option<Base>) -> Self {
        Self {
            side: Side::A,
            next: 0,
            base,
            busy: Vec::new(),
            unseen: 0,
            looked: 0,
            on_a: 0,
            found: 0,
        }
    }

    /// Looks at up to `looks` nodes and plans repairs of those that differ. True at the end of the walk.
    pub fn step(&mut self, duplex: &mut Duplex, both: Both<'_>, looks: usize, news: &mut Vec<News>) -> bool {
        let mut looked = 0;
        while looked < looks {
            let tree = both.of(self.side);
            if self.next >= tree.slots() {
                if self.side == Side::B {
                    return true;
                }
                (self.side, self.next) = (Side::B, 0);
                continue;
            }
            let node = tree.node_at(self.next);
            self.next += 1;
            looked += 1;
            let Some(node) = node else { continue };
            self.looked += 1;
            self.on_a += u64::from(self.side == Side::A);
            match duplex.compare_node(self.side, node, both, self.base, news) {
                Look::Same => {}
                Look::Repaired => self.found += 1,
                Look::Busy if self.busy.len() < MOST_BUSY => self.busy.push((self.side, node.path().into())),
                Look::Busy => self.unseen += 1,
            }
        }
        false
    }

    /// Nodes that could not be judged, since a change of them was on its way at every look.
    pub fn left(&self) -> u64 {
        self.unseen + self.busy.len() as u64
    }

    /// Looks again at the nodes that could not be judged. True if none is left.
    pub fn look_again(&mut self, duplex: &mut Duplex, both: Both<'_>, news: &mut Vec<News>) -> bool {
        for (side, path) in std::mem::take(&mut self.busy) {
            match duplex.compare(side, &path, both, self.base, news) {
                Look::Same => {}
                Look::Repaired => self.found += 1,
                Look::Busy => self.busy.push((side, path)),
            }
        }
        self.busy.is_empty()
    }
}
