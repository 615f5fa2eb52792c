//! Changes that meet: two of the same node, or one where only the other side writes. Decides who wins, and what
//! follows.

use mesolith_zk::record::{Op, Txn, Zxid};
use mesolith_zk::tree::Node;

use super::{Both, Duplex, News};
use crate::plan::Part;
use crate::routes::{Place, is_below};
use crate::settings::{Direction, Side, Strategy};

/// Two changes of the same node, each made without knowing of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Path of the node, by A's name.
    pub path: String,
    /// A sentence about what happened on which side.
    pub what: String,
    /// Data on A at that moment; `None` if A does not have the node.
    pub a: Option<Vec<u8>>,
    /// Data on B at that moment.
    pub b: Option<Vec<u8>>,
    /// The side that wins; `None` while the path is frozen.
    pub winner: Option<Side>,
    /// The session that wrote last; 0 if it is not known.
    pub session: i64,
    /// Position of the last session's transaction.
    pub zxid: Zxid,
}

/// A client's change of one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'c> {
    pub(super) side: Side,
    /// Path of the node, as the client's side names it.
    pub(super) path: &'c str,
    pub(super) place: &'c Place<'c>,
    pub(super) op: &'c Op,
    /// Whether the change deletes the node.
    pub(super) goes: bool,
    pub(super) txn: &'c Txn,
}

impl Duplex {
    /// Whether a change is carried to the other side. If it is not, what has to follow was started already.
    pub(super) fn judge(
        &mut self,
        change: &Change<'_>,
        both: Both<'_>,
        now: u64,
        news: &mut Vec<News>,
    ) -> bool {
        let Change {
            side, path, place, ..
        } = *change;
        if self.is_frozen(side, path, &place.there) {
            return false;
        }
        if !place.direction.carries_from(side) {
            self.stray(change, both, now, news);
            return false;
        }
        // One that this side does not take has not come either.
        let into = self.away_from(side.other());
        let content = match change.op {
            Op::SetAcl { .. } => Part::List,
            _ => Part::Data,
        };
        let not_taken = into.refused().names(path, &[Part::Node, content, Part::Delete]);
        let met = into.collides(path, change.goes) || not_taken;
        if place.direction != Direction::Both || !met {
            return true;
        }
        let here_wins = match self.strategy {
            Strategy::SourceWins => Some(side == Side::A),
            Strategy::LastWriteWins => Some(self.is_later(change, both)),
            Strategy::Manual => None,
        };
        let what = format!(
            "{} on {side} while {} had changed it too",
            verb(change.op),
            side.other()
        );
        self.record(change, here_wins, what, both, news);
        match here_wins {
            Some(true) => {
                self.towards_mut(side).supersede(path);
                true
            }
            Some(false) => {
                self.towards_mut(side)
                    .repair(path.into(), both.from(side.other()));
                false
            }
            None => false,
        }
    }

    /// Handles a change on a side where only the other side writes.
    fn stray(&mut self, change: &Change<'_>, both: Both<'_>, now: u64, news: &mut Vec<News>) {
        let Change {
            side, path, place, ..
        } = *change;
        let (here, there) = (both.of(side).get(path), both.of(side.other()).get(&place.there));
        if matches!(change.op, Op::DeleteContainer { .. }) {
            // Each side removes empty containers and expired TTL nodes by its own clock.
            self.put_off(side.other(), path, now + super::REMOVAL);
            return;
        }
        let owner = |node: Option<Node<'_>>| node.and_then(|node| node.owner());
        let session = change.txn.header.session;
        let owned = owner(here) == Some(session) || owner(there) == Some(session);
        if owned && self.sessions.has_moved_to(session, side) {
            // The session's client has moved here. What it registers is carried back, so that both sides see it.
            self.away_from_mut(side)
                .repair(place.there.as_ref().into(), both.from(side));
            return;
        }
        // Clients of this side may register here. What is gone on both sides is settled.
        if there.is_none() && (here.is_none() || owner(here).is_some()) {
            return;
        }
        let here_wins = match self.strategy {
            Strategy::SourceWins => Some(false),
            Strategy::LastWriteWins => Some(self.is_later(change, both)),
            Strategy::Manual => None,
        };
        let what = format!("{} on {side}, which follows {}", verb(change.op), side.other());
        self.record(change, here_wins, what, both, news);
        match here_wins {
            Some(true) => {
                self.towards_mut(side).supersede(path);
                self.away_from_mut(side)
                    .repair(place.there.as_ref().into(), both.from(side));
            }
            Some(false) => {
                self.towards_mut(side)
                    .repair(path.into(), both.from(side.other()));
            }
            None => {}
        }
    }

    /// Whether a change is later than what the other side has or is about to get. At equal times A's change counts as
    /// later.
    fn is_later(&self, change: &Change<'_>, both: Both<'_>) -> bool {
        let Change {
            side, path, place, ..
        } = *change;
        let mtime = both
            .of(side.other())
            .get(&place.there)
            .map(|node| node.stored().mtime);
        let theirs = self
            .away_from(side.other())
            .pending_time(path)
            .or(mtime)
            .unwrap_or(i64::MIN);
        let ours = change.txn.header.time;
        ours > theirs || (ours == theirs && side == Side::A)
    }

    fn record(
        &mut self,
        change: &Change<'_>,
        here_wins: Option<bool>,
        what: String,
        both: Both<'_>,
        news: &mut Vec<News>,
    ) {
        let Change {
            side, path, place, ..
        } = *change;
        let on_a = if side == Side::A { path } else { &place.there };
        let winner = here_wins.map(|here| if here { side } else { side.other() });
        self.conflict(
            on_a,
            what,
            winner,
            (change.txn.header.session, change.txn.header.zxid),
            both,
            news,
        );
    }

    /// Counts and reports a conflict, and freezes its path when nobody wins.
    pub(super) fn conflict(
        &mut self,
        on_a: &str,
        what: String,
        winner: Option<Side>,
        (session, zxid): (i64, Zxid),
        both: Both<'_>,
        news: &mut Vec<News>,
    ) {
        let on_b = self.name_on_b(on_a);
        let data = |node: Option<Node<'_>>| node.map(|node| node.data().unwrap_or_default().to_vec());
        self.conflicts += 1;
        news.push(News::Conflict(Box::new(Conflict {
            path: on_a.to_owned(),
            what,
            a: data(both.a.get(on_a)),
            b: data(both.b.get(&on_b)),
            winner,
            session,
            zxid,
        })));
        if winner.is_none() {
            self.freeze(on_a);
            news.push(News::Frozen(on_a.to_owned()));
        }
    }

    fn name_on_b(&self, on_a: &str) -> String {
        let place = self.routes.locate(Side::A, on_a);
        place.map_or_else(|| on_a.to_owned(), |place| place.there.into_owned())
    }

    fn is_frozen(&self, side: Side, path: &str, there: &str) -> bool {
        let on_a = if side == Side::A { path } else { there };
        !self.frozen.is_empty() && self.frozen.iter().any(|frozen| is_below(on_a, frozen))
    }

    /// Writes nothing to a path on either side from now on. The path is A's name.
    pub fn freeze(&mut self, on_a: &str) {
        let on_b = self.name_on_b(on_a);
        self.away_from_a.hold(&on_b);
        self.away_from_b.hold(on_a);
        self.frozen.insert(on_a.to_owned());
    }

    /// A person has decided: the other side gets what `keep` has. False if the path is not frozen.
    pub fn resolve(&mut self, on_a: &str, keep: Side, both: Both<'_>) -> bool {
        if !self.frozen.remove(on_a) {
            return false;
        }
        let on_b = self.name_on_b(on_a);
        self.away_from_a.release(&on_b);
        self.away_from_b.release(on_a);
        let (kept, other) = match keep {
            Side::A => (on_a, on_b.as_str()),
            Side::B => (on_b.as_str(), on_a),
        };
        let mut paths: Vec<Box<str>> = Vec::new();
        if let Some(node) = both.of(keep).get(kept) {
            let inside = below(node);
            let there = |path: String| self.routes.locate(keep, &path).map(|place| place.there.into());
            paths.extend(inside.into_iter().filter_map(there));
        }
        if let Some(node) = both.of(keep.other()).get(other) {
            paths.extend(below(node).into_iter().map(Into::into));
        }
        let pipe = self.away_from_mut(keep);
        for path in paths {
            pipe.repair(path, both.from(keep));
        }
        true
    }
}

/// Paths of a node and of everything below it, parents first.
fn below(node: Node<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        paths.push(node.path());
        stack.extend(node.children());
    }
    paths
}

fn verb(op: &Op) -> &'static str {
    match op {
        Op::Create(_) => "created",
        Op::SetData(_) => "data set",
        Op::SetAcl { .. } => "ACL set",
        _ => "deleted",
    }
}
