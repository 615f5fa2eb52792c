//! A second engine. It follows both ensembles through links of its own, and takes over when the first one is killed.

use std::collections::VecDeque;

use mesolith_zk::record::Txn;
use mesolith_zk::tree::Tree;
use rand::Rng;

use super::world::{SIDES, World, base, born, duplex, index};
use crate::duplex::{Both, Duplex, News};
use crate::pipeline::Notice;

/// What the second engine has seen, and what is still to come.
pub(super) struct Standby {
    run: u64,
    duplex: Duplex,
    seen: [Tree; 2],
    streams: [VecDeque<Txn>; 2],
}

impl Standby {
    /// A transaction was committed on a side.
    pub(super) fn committed(&mut self, side: usize, txn: &Txn) {
        self.streams[side].push_back(txn.clone());
    }

    /// The next transaction of a side reaches it.
    fn see(&mut self, side: usize, now: u64) {
        if let Some(txn) = self.streams[side].pop_front() {
            self.seen[side].apply(&txn);
            let both = Both {
                a: &self.seen[0],
                b: &self.seen[1],
            };
            let news = self.duplex.committed(SIDES[side], txn, both, now);
            let fenced = |news: &News| matches!(news, News::Of(_, Notice::Fenced { .. }));
            if news.iter().any(fenced) {
                for side in SIDES {
                    self.duplex.away_from_mut(side).stand_by();
                }
            }
        }
    }
}

impl World {
    /// Starts the second engine. Nothing may be on its way.
    pub(super) fn stand_by(&mut self) {
        let run = self.run + 1;
        let mut duplex = duplex(run, &self.settings);
        duplex.sessions_mut().learn(self.both(), born);
        for side in SIDES {
            duplex.set_largest(side, self.ensemble(side).server.largest, self.both());
        }
        self.standby = Some(Standby {
            run,
            duplex,
            seen: [self.both().a.clone(), self.both().b.clone()],
            streams: [VecDeque::new(), VecDeque::new()],
        });
    }

    /// One event may reach the second engine, which is sometimes behind the first and sometimes ahead of it.
    pub(super) fn step_standby(&mut self) {
        let (side, now) = (self.random.random_range(0..2), self.now);
        if self.random.random_range(0..3) > 0
            && let Some(standby) = &mut self.standby
        {
            standby.see(side, now);
        }
    }

    /// Kills the active engine; the other one takes over, however far its links are.
    pub(super) fn take_over(&mut self) {
        self.take_over_and_walk();
        self.drain();
    }

    /// The same, until it begins to walk through both trees.
    pub(super) fn take_over_and_walk(&mut self) {
        self.kill();
        let standby = self.standby.take().expect("a second engine");
        self.becomes_active(standby);
    }

    /// The active engine pauses and the other one takes over. Then the first one goes on, and is behind.
    pub(super) fn take_turns(&mut self) {
        self.kill();
        let fresh = duplex(0, &self.settings);
        let mut paused = Standby {
            run: self.run,
            seen: SIDES.map(|side| self.ensemble(side).seen.clone()),
            streams: SIDES.map(|side| self.ensemble(side).stream.clone()),
            duplex: std::mem::replace(&mut self.duplex, fresh),
        };
        // Its session on the target has ended.
        paused.duplex.down(SIDES[1]);
        let other = self.standby.replace(paused).expect("a second engine");
        self.becomes_active(other);
        self.drain();
    }

    fn becomes_active(&mut self, mut standby: Standby) {
        self.run = standby.run;
        for side in SIDES {
            // What its links have not brought yet comes after the claim.
            let ensemble = self.ensemble(side);
            ensemble.seen = std::mem::take(&mut standby.seen[index(side)]);
            ensemble.stream = std::mem::take(&mut standby.streams[index(side)]);
        }
        self.duplex = standby.duplex;
        let own = self.own_writes();
        let claimed = self.claim();
        // The answer to the claim is in the target's stream.
        while !self.b.stream.is_empty() {
            self.see(SIDES[1]);
        }
        while !self.duplex.may_activate(SIDES[1], self.both()) {
            assert!(!self.a.stream.is_empty(), "the source never gets there");
            self.see(SIDES[0]);
        }
        self.activate(SIDES[1]);
        self.duplex.begin_sessions(super::world::both(&self.a, &self.b));
        (0..20).for_each(|_| self.step());
        while !self.a.stream.is_empty() {
            self.see(SIDES[0]);
        }
        self.activate(SIDES[0]);
        self.rounds.begin(base(&claimed, own));
    }
}
