//! Positions at which both sides were equal. After a gap in what was seen they tell which side's changes are new.

use std::cmp::Ordering;

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::{Node, Tree};

use super::Both;
use super::written::Writers;
use crate::settings::Side;

/// Positions up to which both sides were equal once. What has changed since then on one side only is new there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Positions of A.
    pub a: Since,
    /// Positions of B.
    pub b: Since,
}

/// Positions of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Everything up to here is on the other side as well.
    pub equal: Zxid,
    /// The engine's last write on this side. Between the two positions are writes of clients and of the engine.
    pub own: Zxid,
}

impl Since {
    /// The tree tells the engine's last write: each of its writes ends with the checkpoint.
    pub fn new(equal: Zxid, tree: &Tree, checkpoint: &str) -> Self {
        let own = tree.get(checkpoint).map_or(equal, |node| node.stored().mzxid);
        Self { equal, own }
    }

    /// Who made a transaction. `seen` says whether an engine made it; `None` if nobody saw it.
    fn by(self, zxid: Zxid, seen: Option<bool>) -> By {
        match seen {
            _ if zxid <= self.equal => By::Nobody,
            Some(true) => By::Nobody,
            Some(false) => By::Client,
            // The checkpoint's transaction is the engine's as a whole.
            None if zxid == self.own => By::Nobody,
            None if zxid <= self.own => By::Somebody,
            None => By::Client,
        }
    }
}

/// Who has changed something since both sides were equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Nobody,
    /// A client or the engine; the position does not tell which.
    Somebody,
    Client,
}

/// Which side's content is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newer {
    /// The content of this side only.
    Only(Side),
    /// The content of this side, unless a client wrote on the other side just before the gap.
    Perhaps(Side),
    /// The content of both sides, or it is not known.
    Both,
}

impl Base {
    pub(super) fn of(self, side: Side) -> Since {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    fn by(self, side: Side, zxid: Zxid, writers: &Writers) -> By {
        self.of(side).by(zxid, writers.is_engines(side, zxid))
    }

    /// Which side's content is new, for a node that both sides have.
    pub(super) fn newer(self, a: Node<'_>, b: Node<'_>, writers: &Writers) -> Newer {
        let (a, b) = (a.stored(), b.stored());
        match (
            self.by(Side::A, a.mzxid, writers),
            self.by(Side::B, b.mzxid, writers),
        ) {
            (By::Client, By::Client) => Newer::Both,
            (By::Client | By::Somebody, By::Nobody) => Newer::Only(Side::A),
            (By::Nobody, By::Client | By::Somebody) => Newer::Only(Side::B),
            // Each change raises the version on both sides. So the side with the higher version most likely has the
            // other's changes. Where nobody has changed anything, it has one that the other side has refused.
            _ => match a.version.cmp(&b.version) {
                Ordering::Greater => Newer::Perhaps(Side::A),
                Ordering::Less => Newer::Perhaps(Side::B),
                Ordering::Equal => Newer::Both,
            },
        }
    }

    /// Which side's clients have deleted and created a node again, for a node that both sides have.
    pub(super) fn remade(self, a: Node<'_>, b: Node<'_>, writers: &Writers) -> Option<Side> {
        let (a, b) = (a.stored().czxid, b.stored().czxid);
        match (self.by(Side::A, a, writers), self.by(Side::B, b, writers)) {
            (By::Client, By::Nobody) => Some(Side::A),
            (By::Nobody, By::Client) => Some(Side::B),
            _ => None,
        }
    }

    /// Whether a node that one side has was deleted on the other side. If not, it was created on this side.
    pub(super) fn is_gone_there(
        self,
        side: Side,
        node: Node<'_>,
        (path, there): (&str, &str),
        both: Both<'_>,
        writers: &Writers,
    ) -> bool {
        match self.by(side, node.stored().czxid, writers) {
            // Nothing was deleted there: the node was refused.
            By::Nobody => !self.keeps_children(side.other(), there, both),
            By::Client => false,
            By::Somebody => {
                // Each create counts on both sides. So a side that has never had the node most likely has the lower
                // counter.
                let creates = |tree: &Tree, path: &str| {
                    let (above, _) = path.rsplit_once('/')?;
                    Some(tree.get(above)?.stored().cversion)
                };
                creates(both.of(side.other()), there) >= creates(both.of(side), path)
            }
        }
    }

    /// Whether nothing was made or deleted beside a node that a side lacks, since both sides were equal.
    fn keeps_children(self, side: Side, path: &str, both: Both<'_>) -> bool {
        let mut above = path;
        while let Some((shorter, _)) = above.rsplit_once('/') {
            above = shorter;
            if let Some(parent) = both.of(side).get(if above.is_empty() { "/" } else { above }) {
                return parent.stored().pzxid <= self.of(side).equal;
            }
        }
        false
    }

    /// Whether a client has made a node since both sides were equal.
    pub(super) fn is_made(self, side: Side, node: Node<'_>, writers: &Writers) -> bool {
        self.by(side, node.stored().czxid, writers) == By::Client
    }

    /// Whether a client has changed a node since both sides were equal.
    pub(super) fn is_changed(self, side: Side, node: Node<'_>, writers: &Writers) -> bool {
        self.by(side, node.stored().mzxid, writers) == By::Client
    }
}
