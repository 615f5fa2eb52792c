//! A walk through both trees that repairs what differs and is not on its way: fills a target, catches up after a gap in
//! the history, and proves that nothing is left.
//!
//! It goes by the nodes' numbers, so that it can stop and go on while both trees change: what comes behind it is carried
//! by the streams.

use std::cmp::Ordering;

use mesolith_zk::request::CreateMode;
use mesolith_zk::tree::Node;

use super::base::Newer;
use super::{Base, Both, Duplex, News};
use crate::plan::{differs, differs_itself};
use crate::settings::{Direction, Side, Strategy};

/// What was seen of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing has to be written.
    Same,
    /// Something is on its way.
    Busy,
    /// Something is to be written.
    Repaired,
}

impl Look {
    fn of(repaired: bool) -> Self {
        if repaired { Self::Repaired } else { Self::Same }
    }
}

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
                Look::Busy => {}
            }
        }
        false
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

impl Duplex {
    /// Looks at one node by its path, on whichever side has it.
    pub(super) fn compare(
        &mut self,
        side: Side,
        path: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Look {
        if let Some(node) = both.of(side).get(path) {
            self.compare_node(side, node, both, base, news)
        } else if let Some(place) = self.routes.locate(side, path)
            && let Some(node) = both.of(side.other()).get(&place.there)
        {
            self.compare_node(side.other(), node, both, base, news)
        } else {
            Look::Same
        }
    }

    /// A side has changed a node, by its name there: where it may, the other one follows; else it is put right, and logged
    /// unless it is nobody's doing.
    pub(super) fn seen_changed(&mut self, side: Side, path: &str, both: Both<'_>, news: &mut Vec<News>) {
        let routes = std::sync::Arc::clone(&self.routes);
        let Some(place) = routes.locate(side, path) else {
            return;
        };
        // What is on its way will be equal.
        if self.away_from(side).collides(&place.there, true)
            || self.away_from(side.other()).collides(path, true)
        {
            return;
        }
        let (here, there) = (both.of(side).get(path), both.of(side.other()).get(&place.there));
        let common = std::sync::Arc::clone(self.common());
        if place.direction == Direction::Both {
            let is_same = match (here, there) {
                (Some(here), Some(there)) => !differs(here, there, &common),
                (here, there) => here.is_none() && there.is_none(),
            };
            if !is_same {
                self.repair_from(side, place.there.as_ref().into(), both);
            }
            return;
        }
        let lives = |node: Node<'_>, side: Side| {
            let owner = node.owner();
            owner.is_none_or(|owner| both.of(side).sessions().contains_key(&owner))
        };
        let what = match (here, there) {
            _ if place.direction.carries_from(side) => None,
            (Some(here), Some(there)) => {
                let same_data = common.same_data(here.data(), there.data());
                let same_kind = common.kind(here) == common.kind(there);
                (!same_data || !same_kind || !common.same_list(here.acl(), there.acl())).then_some("changed")
            }
            // Clients of the side that follows may register there.
            (Some(here), None) => lives(here, side.other()).then_some("created"),
            // Each side ends sessions, and removes containers and expired TTL nodes, by its own clock.
            (None, Some(there)) => {
                let kind = common.kind_to_make(there).0;
                let stays = matches!(kind, CreateMode::Persistent | CreateMode::Ephemeral);
                (stays && lives(there, side)).then_some("deleted")
            }
            (None, None) => None,
        };
        if let Some(what) = what {
            let what = format!("{what} on {side}, which follows {}", side.other());
            let on_a = if side == Side::A { path } else { &*place.there };
            let zxid = here.map_or(both.of(side).last_zxid(), |node| node.stored().mzxid);
            self.conflict(on_a, what, Some(side.other()), (0, zxid), both, news);
        }
        self.compare(side, path, both, None, news);
    }

    /// Looks at one node of a side.
    fn compare_node(
        &mut self,
        side: Side,
        node: Node<'_>,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Look {
        let path = node.path();
        let routes = std::sync::Arc::clone(&self.routes);
        let Some(place) = routes.locate(side, &path) else {
            return Look::Same;
        };
        let touched = |goes| {
            self.away_from(side).collides(&place.there, goes)
                || self.away_from(side.other()).collides(&path, goes)
        };
        let both_ways = place.direction == Direction::Both;
        let other = both.of(side.other()).get(&place.there);
        // Children that are on their way do not change the node, but for its counter.
        let children_come = both_ways && touched(true);
        if touched(false) || (children_come && other.is_none()) {
            return self.on_its_way(side, (&path, &place.there), place.direction, both);
        }
        let Some(other) = other else {
            let repaired = self.only_here(
                side,
                node,
                (&path, &place.there),
                place.direction,
                both,
                base,
                news,
            );
            return Look::of(repaired);
        };
        let (a, b, on_a, on_b) = match side {
            Side::A => (node, other, path.as_str(), &*place.there),
            Side::B => (other, node, &*place.there, path.as_str()),
        };
        let common = std::sync::Arc::clone(self.common());
        let differs = |node, now| {
            if children_come {
                differs_itself(node, now, &common)
            } else {
                differs(node, now, &common)
            }
        };
        let writer = match place.direction {
            Direction::AToB => differs(a, b).then_some(Side::A),
            Direction::BToA => differs(b, a).then_some(Side::B),
            Direction::Both if !common.same_data(a.data(), b.data()) || common.kind(a) != common.kind(b) => {
                self.both_have(a, b, on_a, both, base, news)
            }
            Direction::Both if !common.same_list(a.acl(), b.acl()) => {
                self.other_list(a, b, on_a, both, base, news)
            }
            Direction::Both if differs(a, b) => Some(Side::A),
            Direction::Both => differs(b, a).then_some(Side::B),
        };
        let Some(writer) = writer else {
            if !a.shares_with(b) {
                self.alike.push((a.place(), b.place()));
            }
            return if children_come { Look::Busy } else { Look::Same };
        };
        if let Some(base) = base
            && place.direction != Direction::Both
        {
            let (source, target) = if writer == Side::A { (a, b) } else { (b, a) };
            let content =
                !common.same_data(source.data(), target.data()) || common.kind(source) != common.kind(target);
            if content && source.stored().mzxid <= base.of(writer).equal {
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
        Look::of(self.repair_from(writer, there, both))
    }

    /// What is on its way will be equal, unless the target lacks something that came before: a node may be written so often
    /// that it is always on its way.
    fn on_its_way(
        &mut self,
        side: Side,
        (path, there): (&str, &str),
        direction: Direction,
        both: Both<'_>,
    ) -> Look {
        let writer = match direction {
            Direction::AToB => Side::A,
            Direction::BToA => Side::B,
            // Changes of both sides may meet there: it is looked at once nothing is on its way.
            Direction::Both => return Look::Busy,
        };
        let on_target = if writer == side { there } else { path };
        Look::of(self.repair_from(writer, on_target.into(), both))
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
        let winner = match base.map_or(Newer::Both, |base| base.newer(a, b)) {
            Newer::Only(side) => return Some(side),
            Newer::Perhaps(side) if self.strategy != Strategy::Manual => Some(side),
            Newer::Perhaps(_) | Newer::Both => self.winner(y.mtime > x.mtime),
        };
        let what = "both sides had it, with different content".to_owned();
        self.conflict(on_a, what, winner, (0, y.mzxid), both, news);
        winner
    }

    /// Both sides have a node with the same content and different lists, and both may set them. No position is kept of a
    /// list, but each change of it counts on both sides: the one with more of them has the other's.
    fn other_list(
        &mut self,
        a: Node<'_>,
        b: Node<'_>,
        on_a: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Option<Side> {
        if let Some(side) = base.and_then(|base| base.remade(a, b)) {
            return Some(side);
        }
        match a.stored().aversion.cmp(&b.stored().aversion) {
            Ordering::Greater => Some(Side::A),
            Ordering::Less => Some(Side::B),
            Ordering::Equal => {
                let winner = self.winner(false);
                let what = "both sides had it, with different ACLs".to_owned();
                self.conflict(on_a, what, winner, (0, b.stored().mzxid), both, news);
                winner
            }
        }
    }

    /// Whether a node is of a session whose client lives on a side.
    fn lives_on(&self, side: Side, node: Node<'_>) -> bool {
        let home = node.owner().and_then(|owner| self.sessions.home(owner));
        home == Some(side)
    }

    /// Who wins where both sides have changed something; nobody if a person decides.
    fn winner(&self, b_is_later: bool) -> Option<Side> {
        match self.strategy {
            Strategy::LastWriteWins if b_is_later => Some(Side::B),
            Strategy::SourceWins | Strategy::LastWriteWins => Some(Side::A),
            Strategy::Manual => None,
        }
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
            // Its client lives here: if it is gone there, its session was given up.
            Direction::Both if self.lives_on(side, node) => false,
            Direction::Both => base.is_some_and(|base| {
                self.lives_on(side.other(), node) || base.is_gone_there(side, node, (path, there), both)
            }),
            one_way => !one_way.carries_from(side),
        };
        if !gone_there {
            // What goes there by itself is nobody's doing: nodes of sessions that nobody kept alive, also of those that
            // have begun again since, empty containers, expired nodes.
            let stays = node.stored().ephemeral_owner == 0;
            if let Some(base) = base
                && direction != Direction::Both
                && node.stored().czxid <= base.of(side).equal
                && stays
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
        if direction == Direction::Both && base.is_some_and(|base| base.is_changed(side, node)) {
            let on_a = if side == Side::A { path } else { there };
            let winner = self.winner(side == Side::B);
            let what = format!("deleted on {} while it was changed on {side}", side.other());
            self.conflict(on_a, what, winner, (0, node.stored().mzxid), both, news);
            return match winner {
                None => false,
                Some(here) if here == side => self.repair_from(side, there.into(), both),
                Some(other) => self.repair_from(other, path.into(), both),
            };
        }
        if let Some(base) = base
            && direction != Direction::Both
            && node.stored().czxid > base.of(side).equal
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
