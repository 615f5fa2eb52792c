//! An engine that lives as the real one does: it walks through both trees while clients go on writing, tells its status,
//! and answers barriers.

use rand::Rng;

use super::world::{SIDES, World, both};
use crate::duplex::Arrival;
use crate::settings::Side;

impl World {
    /// One event, and perhaps what the engine does from time to time.
    pub(super) fn live(&mut self) {
        self.step();
        if self.random.random_range(0..3) > 0 {
            return;
        }
        let now = self.now;
        let trees = both(&self.a, &self.b);
        let mut news = self.duplex.due(trees, now);
        if self.rounds.is_due(&self.duplex, now, true) {
            let looks = self.random.random_range(1..12);
            if self.rounds.look(&mut self.duplex, trees, looks, now, &mut news) {
                self.rounds.end(&mut self.duplex, trees, now, true, &mut news);
            }
        }
        if self.random.random_range(0..3) == 0 {
            self.duplex.refused(trees);
        }
        self.news.extend(news);
    }

    /// Until a barrier of every side that writes would be answered. Nothing else is waited for.
    pub(super) fn barrier(&mut self) {
        for side in SIDES {
            if self.duplex.routes().any_from(side) {
                self.barrier_of(side);
            }
        }
    }

    fn barrier_of(&mut self, side: Side) {
        // The answer of the leader comes behind everything that was committed.
        while !self.ensemble(side).stream.is_empty() {
            self.see(side);
        }
        let mut arrival = Arrival::of(side, self.both().of(side).last_zxid(), self.now);
        for _ in 0..100_000 {
            self.live();
            let may_answer = self.rounds.is_settled() && !self.duplex.is_trying(self.both());
            if may_answer && arrival.is_over(&self.duplex, self.now) {
                return;
            }
        }
        panic!("never answered: {:?}", self.duplex);
    }
}
