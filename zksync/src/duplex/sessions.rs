//! Tracks on which side the client of each session is, and what has to happen when a session begins or ends.
//!
//! A session of one side also exists on the other side, under the same id. So it can own its nodes there, and its
//! client can move there. On the side without the client only the engine keeps it alive.

use std::collections::BTreeMap;

use mesolith_zk::record::{Op, Txn, TxnHeader};
use mesolith_zk::tree::Tree;

use super::{Both, Duplex};
use crate::settings::Side;

#[cfg(test)]
mod tests;

/// First two bytes of the ids of sessions that engines open for themselves.
pub(crate) const ENGINE_PREFIX: i64 = 0x7d4d;

/// Whether a session is an engine's own.
pub fn is_engine(session: i64) -> bool {
    session >> 48 == ENGINE_PREFIX
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// The side where its client is.
    home: Side,
    /// The side where it began.
    born: Side,
}

/// The side of each session's client.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
    known: BTreeMap<i64, Known>,
    changes: u64,
}

impl Sessions {
    /// Takes over the sessions that the trees show at the beginning. `born` tells from a session's id on which side
    /// it began. If that does not tell, a session that is on both sides began on A.
    pub fn learn(&mut self, both: Both<'_>, born: impl Fn(i64) -> Option<Side>) {
        for (side, tree) in [(Side::A, both.a), (Side::B, both.b)] {
            for session in tree.sessions().keys().filter(|id| !is_engine(**id)) {
                let born = born(*session).unwrap_or(side);
                self.known.entry(*session).or_insert(Known { home: born, born });
            }
        }
        self.known
            .retain(|id, _| both.a.sessions().contains_key(id) || both.b.sessions().contains_key(id));
        self.changes += 1;
    }

    /// The side where a session's client is.
    pub fn home(&self, session: i64) -> Option<Side> {
        self.known.get(&session).map(|known| known.home)
    }

    fn began(&mut self, session: i64, side: Side) {
        self.known.entry(session).or_insert(Known {
            home: side,
            born: side,
        });
        self.changes += 1;
    }

    fn ended(&mut self, session: i64) {
        self.known.remove(&session);
        self.changes += 1;
    }

    /// A session's client has moved to a side.
    pub fn moved(&mut self, session: i64, to: Side) {
        if let Some(known) = self.known.get_mut(&session)
            && known.home != to
        {
            tracing::info!(session = format!("{session:#x}"), %to, "a client has moved with its session");
            known.home = to;
            self.changes += 1;
        }
    }

    /// A session wrote on a side, so its client is there.
    pub(super) fn wrote(&mut self, session: i64, side: Side) {
        self.moved(session, side);
    }

    /// Whether a session's client is on a side where the session did not begin.
    pub fn has_moved_to(&self, session: i64, side: Side) -> bool {
        self.known
            .get(&session)
            .is_some_and(|known| known.home == side && known.born != side)
    }

    /// Whether any session's client has moved to a side.
    pub fn any_moved(&self, side: Side) -> bool {
        self.known
            .values()
            .any(|known| known.home == side && known.born != side)
    }

    /// Sessions that the engine keeps alive on a side, with their timeouts. Their clients are on the other side,
    /// whose tree is `home`. Some may not have begun on this side yet.
    pub fn guests(&self, side: Side, home: &Tree) -> BTreeMap<i64, i32> {
        let guests = self.known.iter().filter(|(_, known)| known.home != side);
        guests
            .filter_map(|(id, _)| Some((*id, *home.sessions().get(id)?)))
            .collect()
    }

    /// A number that rises with each change, so that callers need not compare sessions.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Number of sessions whose clients are on a side.
    pub fn count(&self, side: Side) -> usize {
        self.known.values().filter(|known| known.home == side).count()
    }
}

impl Duplex {
    /// Begins sessions of one side on the other, where they may have to own nodes. Ends copies of sessions that ended
    /// while no engine looked.
    pub fn begin_sessions(&mut self, both: Both<'_>) {
        for side in [Side::A, Side::B] {
            let (here, there) = (both.of(side).sessions(), both.of(side.other()).sessions());
            if self.routes.any_from(side) {
                let missing = |id: &i64| self.sessions.home(*id) == Some(side) && !there.contains_key(id);
                let missing: Vec<_> = here.iter().filter(|(id, _)| missing(id)).collect();
                for (session, timeout) in missing {
                    let begins = Op::CreateSession { timeout: *timeout };
                    self.as_if(side, *session, begins, both);
                }
            }
            let ended = |id: &i64| {
                self.sessions.home(*id) == Some(side) && !here.contains_key(id) && self.leaves(*id, side)
            };
            let ended: Vec<_> = there.keys().copied().filter(ended).collect();
            for session in ended {
                self.sessions.ended(session);
                self.as_if(side, session, Op::CloseSession { paths: None }, both);
            }
        }
    }

    /// Whether the other side has or gets a copy of a session of this side. Sessions of a side that only follows get
    /// none: no direction would carry what they own.
    fn leaves(&self, session: i64, side: Side) -> bool {
        self.routes.any_from(side) || self.sessions.has_moved_to(session, side)
    }

    /// Handles the begin or end of a session as if the side had just committed it.
    fn as_if(&mut self, from: Side, session: i64, op: Op, both: Both<'_>) {
        let header = TxnHeader {
            session,
            zxid: both.of(from).last_zxid(),
            ..TxnHeader::default()
        };
        let txn = Txn {
            header,
            op,
            digest: None,
        };
        self.away_from_mut(from).also(txn, both.from(from));
    }

    pub(super) fn session_began(&mut self, side: Side, session: i64, txn: Txn, both: Both<'_>, now: u64) {
        let zxid = txn.header.zxid;
        if is_engine(session) || !self.routes.any_from(side) {
            self.away_from_mut(side).saw(zxid);
        } else {
            self.sessions.began(session, side);
            self.away_from_mut(side)
                .replay(txn, Vec::new(), both.from(side), now);
        }
    }

    pub(super) fn session_ended(&mut self, side: Side, session: i64, txn: Txn, both: Both<'_>, now: u64) {
        let zxid = txn.header.zxid;
        // A client that closes its session numbers that request; a leader that lets a session expire does not.
        let expired = txn.header.cxid == 0;
        // Only a session that began there, or whose client moved there, goes on there.
        let there = side.other();
        let may_live = self.leaves(session, there);
        match self.sessions.home(session) {
            Some(home) if home != side && expired && may_live => {
                // This side has given up a session whose client is there. So it begins here again, with its nodes.
                self.away_from_mut(side).saw(zxid);
                self.reopen(side.other(), session, both, now);
            }
            Some(_) => {
                let leaves = self.leaves(session, side);
                self.sessions.ended(session);
                let pipe = self.away_from_mut(side);
                if leaves {
                    pipe.replay(txn, Vec::new(), both.from(side), now);
                } else {
                    pipe.saw(zxid);
                }
            }
            None => self.away_from_mut(side).saw(zxid),
        }
    }

    /// Begins a session of `from` again on the other side, with its nodes.
    fn reopen(&mut self, from: Side, session: i64, both: Both<'_>, now: u64) {
        let Some(timeout) = both.of(from).sessions().get(&session).copied() else {
            return self.sessions.ended(session);
        };
        if !self.leaves(session, from) {
            return;
        }
        self.as_if(from, session, Op::CreateSession { timeout }, both);
        for path in both.of(from).ephemerals(session).map(|node| node.path()) {
            if let Some(place) = self.routes.locate(from, &path) {
                let there: Box<str> = place.there.as_ref().into();
                // A node that is created again counts once more here than on the side of its client.
                if let Some((above, _)) = there.rsplit_once('/') {
                    self.owe(from, above, now);
                }
                self.away_from_mut(from).repair(there, both.from(from));
            }
        }
    }
}
