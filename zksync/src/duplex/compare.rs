//! Compares one node of both sides, and repairs it where it differs.

use mesolith_zk::request::CreateMode;
use mesolith_zk::tree::Node;

use super::{Base, Both, Duplex, News};
use crate::plan::{behind, differs, differs_itself};
use crate::settings::{Direction, Side};

/// The result of a look at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Both are equal, so nothing has to be written.
    Same,
    /// A change of the node is on its way.
    Busy,
    /// A repair is planned.
    Repaired,
}

impl Look {
    fn of(repaired: bool) -> Self {
        if repaired { Self::Repaired } else { Self::Same }
    }
}

impl Duplex {
    /// Looks at one node by its path on one side; either side may have it.
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

    /// Whether a side's node that the other side lacks is to be made there.
    pub(crate) fn comes(&self, from: Side, node: Node<'_>) -> bool {
        let (path, pipe) = (node.path(), self.away_from(from));
        let there = self.routes.carried(from, &path);
        there.is_some_and(|there| !pipe.held().covers(&there) && !pipe.refused().covers(&there))
    }

    /// Looks at the counter of a node of which nothing else is kept equal.
    fn compare_counter(&mut self, side: Side, path: &str, both: Both<'_>) -> Look {
        let routes = std::sync::Arc::clone(&self.routes);
        let Some(place) = routes.counted(side, path) else {
            return Look::Same;
        };
        let names = match side {
            Side::A => (path, &*place.there),
            Side::B => (&*place.there, path),
        };
        let (Some(a), Some(b)) = (both.a.get(names.0), both.b.get(names.1)) else {
            return Look::Same;
        };
        let carries = |from| place.direction.carries_from(from);
        let (from, there) = if carries(Side::A) && behind(a, b, |node| self.comes(Side::A, node)) > 0 {
            (Side::A, names.1)
        } else if carries(Side::B) && behind(b, a, |node| self.comes(Side::B, node)) > 0 {
            (Side::B, names.0)
        } else {
            return Look::Same;
        };
        let pipe = self.away_from_mut(from);
        let before = pipe.pending();
        pipe.count(there.into(), both.from(from));
        Look::of(pipe.pending() > before)
    }

    /// A side has changed a node, by its name there: where it may, the other one follows; else it is put right, and logged
    /// unless it is nobody's doing.
    pub(super) fn seen_changed(
        &mut self,
        side: Side,
        path: &str,
        both: Both<'_>,
        now: u64,
        news: &mut Vec<News>,
    ) {
        let routes = std::sync::Arc::clone(&self.routes);
        let Some(place) = routes.locate(side, path) else {
            self.compare_counter(side, path, both);
            return;
        };
        // What is on its way may be older than what was seen now.
        if self.away_from(side).collides(&place.there, true)
            || self.away_from(side.other()).collides(path, true)
        {
            self.owe(side, &place.there, now);
            return;
        }
        let (here, there) = (both.of(side).get(path), both.of(side.other()).get(&place.there));
        let common = std::sync::Arc::clone(self.common());
        if place.direction == Direction::Both {
            let is_same = match (here, there) {
                (Some(here), Some(there)) => !differs(here, there, &common, |node| self.comes(side, node)),
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
            // Clients may register on the side that follows.
            (Some(here), None) => lives(here, side.other()).then_some("created"),
            // Each side ends sessions and removes containers and expired TTL nodes by its own clock.
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

    /// Looks at one node that a side has.
    pub(super) fn compare_node(
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
            return self.compare_counter(side, &path, both);
        };
        let touched = |goes| {
            self.away_from(side).collides(&place.there, goes)
                || self.away_from(side.other()).collides(&path, goes)
        };
        let both_ways = place.direction == Direction::Both;
        let other = both.of(side.other()).get(&place.there);
        // Children that are on their way change nothing of the node but its counter.
        let children_come = both_ways && touched(true);
        if touched(false) || (children_come && other.is_none()) {
            return self.on_its_way(side, (&path, &place.there), place.direction, both);
        }
        if other.is_none_or(|other| !node.shares_with(other))
            && let Some(writer) = self.kept_by(side, node, other, (&path, &place.there), both)
            && place.direction.carries_from(writer)
        {
            let there = if writer == side { &*place.there } else { &path };
            return Look::of(self.repair_from(writer, there.into(), both));
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
        let differs = |from, node, now| {
            if children_come {
                differs_itself(node, now, &common)
            } else {
                differs(node, now, &common, |node| self.comes(from, node))
            }
        };
        let writer = match place.direction {
            Direction::AToB => differs(Side::A, a, b).then_some(Side::A),
            Direction::BToA => differs(Side::B, b, a).then_some(Side::B),
            Direction::Both if !common.same_data(a.data(), b.data()) || common.kind(a) != common.kind(b) => {
                self.both_have(a, b, on_a, both, base, news)
            }
            Direction::Both if !common.same_list(a.acl(), b.acl()) => {
                self.other_list(a, b, on_a, both, base, news)
            }
            Direction::Both if differs(Side::A, a, b) => Some(Side::A),
            Direction::Both => differs(Side::B, b, a).then_some(Side::B),
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

    /// Whether both sides are equal once what is on its way has arrived. They are not if the target lacks an earlier
    /// change: some nodes are written so often that a change of them is always on its way.
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
            // Changes of both sides may meet there, so the node is looked at once nothing is on its way.
            Direction::Both => return Look::Busy,
        };
        let on_target = if writer == side { there } else { path };
        Look::of(self.repair_from(writer, on_target.into(), both))
    }

    pub(super) fn repair_from(&mut self, from: Side, there: Box<str>, both: Both<'_>) -> bool {
        let pipe = self.away_from_mut(from);
        let before = pipe.pending();
        pipe.repair(there, both.from(from));
        pipe.pending() > before
    }
}
