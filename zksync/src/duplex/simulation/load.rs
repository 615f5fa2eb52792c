//! A walk through both trees while clients go on writing.

use super::world::{SIDES, World, both};
use crate::duplex::{Base, Sweep};

impl World {
    /// A new engine, which knows nothing of what it has missed, walks through both trees while clients go on writing.
    pub(super) fn start_under_load(&mut self) {
        let base = self.begin(&[]);
        for _ in 0..100 {
            if self.walk_under_load(base) {
                return;
            }
            // Repairs need time to arrive.
            (0..200).for_each(|_| self.step());
        }
        panic!("no walk comes to an end");
    }

    /// Whether the walk has looked at every node and found no difference.
    fn walk_under_load(&mut self, base: Option<Base>) -> bool {
        let (mut sweep, mut news) = (Sweep::new(base), Vec::new());
        self.clients_write();
        sweep.step(&mut self.duplex, both(&self.a, &self.b), usize::MAX, &mut news);
        let mut all_looked_at = false;
        for _ in 0..300 {
            self.clients_write();
            let trees = both(&self.a, &self.b);
            all_looked_at = sweep.look_again(&mut self.duplex, trees, &mut news);
            if all_looked_at {
                break;
            }
        }
        self.news.append(&mut news);
        all_looked_at && sweep.found == 0
    }

    fn clients_write(&mut self) {
        for side in SIDES {
            self.client(side);
            (0..12).for_each(|_| self.step());
        }
    }
}
