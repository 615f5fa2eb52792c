//! Decides which side counts, where a node differs or only one side has it.

use std::cmp::Ordering;

use mesolith_zk::tree::Node;

use super::base::Newer;
use super::{Base, Both, Duplex, News};
use crate::settings::{Direction, Side, Strategy};

impl Duplex {
    /// Both sides have the node, with different content, and both may write it.
    pub(super) fn both_have(
        &mut self,
        a: Node<'_>,
        b: Node<'_>,
        on_a: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Option<Side> {
        let (x, y) = (a.stored(), b.stored());
        let winner = match base.map_or(Newer::Both, |base| base.newer(a, b, &self.writers)) {
            Newer::Only(side) => return Some(side),
            Newer::Perhaps(side) if self.strategy != Strategy::Manual => Some(side),
            Newer::Perhaps(_) | Newer::Both => self.winner(y.mtime > x.mtime),
        };
        let what = "both sides had it, with different content".to_owned();
        self.conflict(on_a, what, winner, (0, y.mzxid), both, news);
        winner
    }

    /// Both sides have the node with the same content but different lists, and both may set them. No position is kept
    /// for lists. But each change of a list counts on both sides, so the side with the higher `aversion` has the
    /// changes of the other.
    pub(super) fn other_list(
        &mut self,
        a: Node<'_>,
        b: Node<'_>,
        on_a: &str,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> Option<Side> {
        if let Some(side) = base.and_then(|base| base.remade(a, b, &self.writers)) {
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

    /// Whether a node belongs to a session whose client is on a side.
    pub(super) fn lives_on(&self, side: Side, node: Node<'_>) -> bool {
        let home = node.owner().and_then(|owner| self.sessions.home(owner));
        home == Some(side)
    }

    /// Who wins where both sides have changed something; `None` if a person decides.
    pub(super) fn winner(&self, b_is_later: bool) -> Option<Side> {
        match self.strategy {
            Strategy::LastWriteWins if b_is_later => Some(Side::B),
            Strategy::SourceWins | Strategy::LastWriteWins => Some(Side::A),
            Strategy::Manual => None,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one comparison")]
    pub(super) fn only_here(
        &mut self,
        side: Side,
        node: Node<'_>,
        (path, there): (&str, &str),
        direction: Direction,
        both: Both<'_>,
        base: Option<Base>,
        news: &mut Vec<News>,
    ) -> bool {
        // Clients may register on the side that follows.
        let is_guest = node
            .owner()
            .is_some_and(|owner| !both.of(side.other()).sessions().contains_key(&owner));
        let gone_there = match direction {
            // The session's client is here. If its node is gone there, the other side has given up the session.
            Direction::Both if self.lives_on(side, node) => false,
            Direction::Both => base.is_some_and(|base| {
                self.lives_on(side.other(), node)
                    || base.is_gone_there(side, node, (path, there), both, &self.writers)
            }),
            one_way => !one_way.carries_from(side),
        };
        if !gone_there {
            // Some nodes go by themselves, and nobody has deleted them: nodes of sessions that were not kept alive,
            // even if the session has begun again, empty containers, and expired TTL nodes.
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
        if direction == Direction::Both && base.is_some_and(|base| base.is_changed(side, node, &self.writers))
        {
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
            && base.is_made(side, node, &self.writers)
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
