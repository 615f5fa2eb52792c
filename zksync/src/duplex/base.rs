//! What has happened since both sides were equal: what a walk takes for news of one side after a gap in what was seen.

use std::cmp::Ordering;

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::{Node, Tree};

use super::Both;
use super::written::Writers;
use crate::settings::Side;

/// Positions up to which both sides were equal once: what has changed on one side only since then is news of that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// Of A.
    pub a: Since,
    /// Of B.
    pub b: Since,
}

/// The same of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// What is not later is on the other side.
    pub equal: Zxid,
    /// The engine's last write here. Between the two are writes of clients and the engine's own.
    pub own: Zxid,
}

impl Since {
    /// Up to a position, with what the tree says of the engine's own writes: each ends with the checkpoint's.
    pub fn new(equal: Zxid, tree: &Tree, checkpoint: &str) -> Self {
        let own = tree.get(checkpoint).map_or(equal, |node| node.stored().mzxid);
        Self { equal, own }
    }

    /// `seen`: whether it was an engine's transaction, if that was seen.
    fn by(self, zxid: Zxid, seen: Option<bool>) -> By {
        match seen {
            _ if zxid <= self.equal => By::Nobody,
            Some(true) => By::Nobody,
            Some(false) => By::Client,
            // The checkpoint's own transaction is the engine's as a whole.
            None if zxid == self.own => By::Nobody,
            None if zxid <= self.own => By::Somebody,
            None => By::Client,
        }
    }
}

/// Who has changed something since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Nobody,
    /// A client or the engine.
    Somebody,
    Client,
}

/// Whose content is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newer {
    /// One side's.
    Only(Side),
    /// One side's, unless a client wrote on the other one just before the gap.
    Perhaps(Side),
    /// Both sides', or nobody knows.
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

    /// Which side's content is news of a node that both have.
    pub(super) fn newer(self, a: Node<'_>, b: Node<'_>, writers: &Writers) -> Newer {
        let (a, b) = (a.stored(), b.stored());
        match (
            self.by(Side::A, a.mzxid, writers),
            self.by(Side::B, b.mzxid, writers),
        ) {
            (By::Client, By::Client) | (By::Nobody, By::Nobody) => Newer::Both,
            (_, By::Nobody) => Newer::Only(Side::A),
            (By::Nobody, _) => Newer::Only(Side::B),
            // Each change counts on both sides, so the one with more of them has the other's, most likely.
            _ => match a.version.cmp(&b.version) {
                Ordering::Greater => Newer::Perhaps(Side::A),
                Ordering::Less => Newer::Perhaps(Side::B),
                Ordering::Equal => Newer::Both,
            },
        }
    }

    /// Which side's clients have made a node anew that both have.
    pub(super) fn remade(self, a: Node<'_>, b: Node<'_>, writers: &Writers) -> Option<Side> {
        let (a, b) = (a.stored().czxid, b.stored().czxid);
        match (self.by(Side::A, a, writers), self.by(Side::B, b, writers)) {
            (By::Client, By::Nobody) => Some(Side::A),
            (By::Nobody, By::Client) => Some(Side::B),
            _ => None,
        }
    }

    /// Whether a node that only one side has is gone on the other one; else it is new here.
    pub(super) fn is_gone_there(
        self,
        side: Side,
        node: Node<'_>,
        (path, there): (&str, &str),
        both: Both<'_>,
        writers: &Writers,
    ) -> bool {
        match self.by(side, node.stored().czxid, writers) {
            By::Nobody => true,
            By::Client => false,
            By::Somebody => {
                // Each create counts on both sides, so a side that has not had it is behind, most likely.
                let creates = |tree: &Tree, path: &str| {
                    let (above, _) = path.rsplit_once('/')?;
                    Some(tree.get(above)?.stored().cversion)
                };
                creates(both.of(side.other()), there) >= creates(both.of(side), path)
            }
        }
    }

    /// Whether a client has changed a node since.
    pub(super) fn is_changed(self, side: Side, node: Node<'_>, writers: &Writers) -> bool {
        self.by(side, node.stored().mzxid, writers) == By::Client
    }
}
