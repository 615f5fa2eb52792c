//! A walk through both trees that repairs what differs and is not on its way: fills a target, catches up after a gap in
//! the history, and proves that nothing is left.
//!
//! It goes by the nodes' numbers, so that it can stop and go on while both trees change: what comes behind it is carried
//! by the streams.

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::Node;

use super::{Both, Duplex, News};
use crate::plan::{differs, kind};
use crate::settings::{Direction, Side, Strategy};

/// Positions up to which both sides were equal once: what has changed on one side only since then is news of that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Of A.
    pub a: Zxid,
    /// Of B.
    pub b: Zxid,
}

impl Base {
    fn of(self, side: Side) -> Zxid {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }
}

/// Where a walk is.
#[derive(Debug, Clone)]
pub struct Sweep {
    side: Side,
    next: usize,
    base: Option<Base>,
    /// Nodes looked at, and how many differed.
    pub looked: u64,
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
            looked: 0,
            found: 0,
        }
    }

    /// Nodes in all, as of now.
    pub fn total(both: Both<'_>) -> u64 {
        (both.a.len() + both.b.len()) as u64
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
            self.looked += 1;
            if let Some(node) = node
                && duplex.compare_node(self.side, node, both, self.base, news)
            {
                self.found += 1;
            }
        }
        false
    }
}

impl Duplex {
    /// Looks at one node by its path, on whichever side has it.
    pub(super) fn compare(
        &mut self,
        side: Side,
        path: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) {
        if let Some(node) = both.of(side).get(path) {
            self.compare_node(side, node, both, base, news);
        } else if let Some(place) = self.routes.locate(side, path)
            && let Some(node) = both.of(side.other()).get(&place.there)
        {
            self.compare_node(side.other(), node, both, base, news);
        }
    }

    /// Looks at one node of a side; true if something has to be written.
    fn compare_node(
        &mut self,
        side: Side,
        node: Node<'_>,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> bool {
        let path = node.path();
        let routes = std::sync::Arc::clone(&self.routes);
        let Some(place) = routes.locate(side, &path) else {
            return false;
        };
        // What is on its way will be equal.
        if self.away_from(side).collides(&place.there, true)
            || self.away_from(side.other()).collides(&path, true)
        {
            return false;
        }
        let Some(other) = both.of(side.other()).get(&place.there) else {
            return self.only_here(
                side,
                node,
                (&path, &place.there),
                place.direction,
                both,
                base,
                news,
            );
        };
        let (a, b, on_a, on_b) = match side {
            Side::A => (node, other, path.as_str(), &*place.there),
            Side::B => (other, node, &*place.there, path.as_str()),
        };
        let writer = match place.direction {
            Direction::AToB => differs(a, b).then_some(Side::A),
            Direction::BToA => differs(b, a).then_some(Side::B),
            Direction::Both if a.data() != b.data() || kind(a) != kind(b) => {
                self.both_have(a, b, on_a, both, base, news)
            }
            Direction::Both if differs(a, b) => Some(Side::A),
            Direction::Both => differs(b, a).then_some(Side::B),
        };
        let Some(writer) = writer else {
            if !a.shares_with(b) {
                self.alike.push((a.place(), b.place()));
            }
            return false;
        };
        if let Some(base) = base
            && place.direction != Direction::Both
        {
            let (source, target) = if writer == Side::A { (a, b) } else { (b, a) };
            let content = source.data() != target.data() || kind(source) != kind(target);
            if content && source.stored().mzxid <= base.of(writer) {
                let what = format!(
                    "changed on {}, which follows {writer}, while no engine looked",
                    writer.other()
                );
                self.conflict(on_a, what, Some(writer), (0, target.stored().mzxid), both, news);
            }
        }
        let there: Box<str> = if writer == Side::A {
            on_b.into()
        } else {
            on_a.into()
        };
        self.repair_from(writer, there, both)
    }

    fn repair_from(&mut self, from: Side, there: Box<str>, both: Both<'_>) -> bool {
        let pipe = self.away_from_mut(from);
        let before = pipe.pending();
        pipe.repair(there, both.from(from));
        pipe.pending() > before
    }

    /// Both sides have a node with different content, and both may write it.
    fn both_have(
        &mut self,
        a: Node<'_>,
        b: Node<'_>,
        on_a: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Option<Side> {
        let (x, y) = (a.stored(), b.stored());
        if let Some(base) = base {
            match (x.mzxid > base.a, y.mzxid > base.b) {
                (true, false) => return Some(Side::A),
                (false, true) => return Some(Side::B),
                (true, true) | (false, false) => {}
            }
        }
        let winner = match self.strategy {
            Strategy::SourceWins => Some(Side::A),
            Strategy::LastWriteWins if y.mtime > x.mtime => Some(Side::B),
            Strategy::LastWriteWins => Some(Side::A),
            Strategy::Manual => None,
        };
        let what = "both sides had it, with different content".to_owned();
        self.conflict(on_a, what, winner, (0, y.mzxid), both, news);
        winner
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one comparison")]
    fn only_here(
        &mut self,
        side: Side,
        node: Node<'_>,
        (path, there): (&str, &str),
        direction: Direction,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> bool {
        // Clients of the side that follows may register there.
        let is_guest = node
            .owner()
            .is_some_and(|owner| !both.of(side.other()).sessions().contains_key(&owner));
        let gone_there = match direction {
            Direction::Both => base.is_some_and(|base| node.stored().czxid <= base.of(side)),
            one_way => !one_way.carries_from(side),
        };
        if !gone_there {
            if let Some(base) = base
                && direction != Direction::Both
                && node.stored().czxid <= base.of(side)
                && !is_guest
            {
                let on_a = if side == Side::A { path } else { there };
                let what = format!(
                    "deleted on {}, which follows {side}, while no engine looked",
                    side.other()
                );
                self.conflict(on_a, what, Some(side), (0, node.stored().mzxid), both, news);
            }
            return self.repair_from(side, there.into(), both);
        }
        if is_guest {
            return false;
        }
        if let Some(base) = base
            && direction != Direction::Both
            && node.stored().czxid > base.of(side)
        {
            let on_a = if side == Side::A { path } else { there };
            let what = format!(
                "created on {side}, which follows {}, while no engine looked",
                side.other()
            );
            self.conflict(
                on_a,
                what,
                Some(side.other()),
                (0, node.stored().czxid),
                both,
                news,
            );
        }
        self.repair_from(side.other(), path.into(), both)
    }
}
