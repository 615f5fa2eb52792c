//! Decides what a committed transaction of a side is: an answer to the engine, a change to carry, or a change to
//! undo.

use std::sync::Arc;

use mesolith_zk::record::{Op, Txn};

use super::{Both, Duplex, News, conflict};
use crate::checkpoint::Checkpoint;
use crate::pipeline::Notice;
use crate::pipeline::ops::{node_of, parts};
use crate::settings::{Direction, Side};

impl Duplex {
    /// A transaction was committed on a side and is in its tree. `now` is in microseconds of the driver's clock.
    pub fn committed(&mut self, side: Side, txn: Txn, both: Both<'_>, now: u64) -> Vec<News> {
        let mut news = Vec::new();
        // Engines of one name use the same tag, so the active engine's checkpoints look like a standby's own.
        self.follow_checkpoint(side, &txn, &mut news);
        if self.towards_mut(side).is_own(txn.header.cxid) {
            let trees = both.from(side.other());
            self.writers.engine_wrote(side, txn.header.zxid);
            self.wrote(side, &txn);
            let notices = self.towards_mut(side).answered(&txn, trees, now);
            for notice in notices {
                self.noticed(side.other(), notice, both, &mut news);
            }
        } else {
            self.by_a_client(side, txn, both, now, &mut news);
        }
        news
    }

    /// The engine itself wrote on a side. For a change that came from the other side, both are equal by that. The
    /// engine's own nodes move no position: otherwise each direction would write a checkpoint for the checkpoints of
    /// the other, without end.
    fn wrote(&mut self, side: Side, txn: &Txn) {
        let is_kept = |path| self.routes.locate(side, path).is_some();
        let carried = parts(&txn.op)
            .iter()
            .filter_map(node_of)
            .any(|(path, _)| is_kept(path));
        let zxid = txn.header.zxid;
        let both_ways = carried && self.routes.any_from(side);
        let pipe = self.away_from_mut(side);
        if both_ways {
            pipe.saw(zxid);
        } else {
            pipe.wrote(zxid);
        }
    }

    pub(super) fn noticed(&mut self, from: Side, notice: Notice, both: Both<'_>, news: &mut Vec<News>) {
        match &notice {
            Notice::Moved { session } => self.sessions.moved(*session, from.other()),
            Notice::Overtaken { path } => {
                // The change that had lost arrived all the same, so both sides get what the target has now.
                let place = self.routes.locate(from.other(), path);
                if let Some(place) = place {
                    let there = place.there.into();
                    self.away_from_mut(from.other())
                        .repair(there, both.from(from.other()));
                }
            }
            Notice::Unwritable { path, .. } => {
                // It counts on the source all the same.
                if let Some((above, _)) = path.rsplit_once('/') {
                    let above = if above.is_empty() { "/" } else { above };
                    self.away_from_mut(from).count(above.into(), both.from(from));
                }
            }
            Notice::Narrowed { .. } => {
                let common = Arc::clone(self.away_from(from).common());
                self.set_common(common);
            }
            Notice::Applied { .. } | Notice::Answered { .. } | Notice::Fenced { .. } | Notice::Disowned => {}
        }
        news.push(News::Of(from, notice));
    }

    fn by_a_client(&mut self, side: Side, txn: Txn, both: Both<'_>, now: u64, news: &mut Vec<News>) {
        let session = txn.header.session;
        match &txn.op {
            Op::CreateSession { .. } => self.session_began(side, session, txn, both, now),
            Op::CloseSession { .. } => self.session_ended(side, session, txn, both, now),
            _ => {
                self.sessions.wrote(session, side);
                self.changed(side, txn, both, now, news);
            }
        }
    }

    /// A client has changed nodes.
    fn changed(&mut self, side: Side, txn: Txn, both: Both<'_>, now: u64, news: &mut Vec<News>) {
        let mut skip = Vec::new();
        let mut carried = false;
        for op in parts(&txn.op) {
            let Some((path, goes)) = node_of(op) else { continue };
            let routes = Arc::clone(&self.routes);
            let Some(place) = routes.locate(side, path) else {
                carried |= self.counts(side, op, both, now);
                continue;
            };
            let change = conflict::Change {
                side,
                path,
                place: &place,
                op,
                goes,
                txn: &txn,
            };
            if self.judge(&change, both, now, news) {
                carried = true;
            } else {
                carried |= self.counts(side, op, both, now);
                skip.push(place.there.as_ref().into());
            }
        }
        let zxid = txn.header.zxid;
        let pipe = self.away_from_mut(side);
        if carried {
            pipe.replay(txn, skip, both.from(side), now);
        } else {
            pipe.saw(zxid);
        }
    }

    /// Whether a change that is not carried moves the counter of a node that both sides have.
    fn counts(&mut self, side: Side, op: &Op, both: Both<'_>, now: u64) -> bool {
        let Op::Create(new) = op else { return false };
        let routes = Arc::clone(&self.routes);
        let Some(place) = routes.counts_there(side, &new.path) else {
            return false;
        };
        if place.direction == Direction::Both && both.of(side.other()).get(&place.there).is_some() {
            // Creates of both sides may have met: the higher counter is found once they have arrived.
            self.owe(side, &place.there, now);
        }
        true
    }

    /// While another engine works, its checkpoint says what needs no doing here. Who sees one of another run has been
    /// replaced, whatever it took itself for: it may have stood still for a while.
    fn follow_checkpoint(&mut self, side: Side, txn: &Txn, news: &mut Vec<News>) {
        let pipe = self.towards_mut(side);
        if !pipe.is_own(txn.header.cxid) {
            return;
        }
        for op in parts(&txn.op) {
            if let Op::SetData(set) = op
                && *set.path == *pipe.identity().path
                && let Some(checkpoint) = set.data.as_deref().and_then(Checkpoint::parse)
            {
                if !pipe.is_standby() && checkpoint.run != pipe.identity().run {
                    pipe.stand_by();
                    let by = checkpoint.run.clone();
                    news.push(News::Of(side.other(), Notice::Fenced { by }));
                }
                pipe.follow(&checkpoint);
            }
        }
    }
}
