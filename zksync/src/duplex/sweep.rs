//! A walk through both trees that repairs what differs and is not on its way: fills a target, catches up after a gap in
//! the history, and proves that nothing is left.
//!
//! It goes by the nodes' numbers, so that it can stop and go on while both trees change: what comes behind it is carried
//! by the streams.

use super::compare::Look;
use super::{Base, Both, Duplex, News};
use crate::settings::Side;

/// Most nodes that are looked at again.
const MOST_BUSY: usize = 10_000;

/// Where a walk is.
#[derive(Debug, Clone)]
pub struct Sweep {
    side: Side,
    next: usize,
    base: Option<Base>,
    /// Nodes of which something was on its way, so that nothing can be said of them.
    busy: Vec<(Side, Box<str>)>,
    /// Those beyond [`MOST_BUSY`], which it does not look at again.
    unseen: u64,
    /// Nodes looked at.
    pub looked: u64,
    /// Those of A.
    pub on_a: u64,
    /// Nodes that differed.
    pub found: u64,
}

impl Sweep {
    /// From the beginning. `base`: none if the sides were never equal.
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

    /// Looks at up to `looks` nodes and has repaired what differs; true at the end.
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

    /// Nodes of which nothing can be said, because something was on its way whenever they were looked at.
    pub fn left(&self) -> u64 {
        self.unseen + self.busy.len() as u64
    }

    /// Looks again at nodes of which something was on its way; true if there is none left.
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
