//! History that no engine has seen: both trees are compared, and what the comparison finds is nobody's doing.

use rand::Rng;

use super::world::World;
use super::{assert_equal, one_way};
use crate::settings::Side;

/// An engine that has no history of what it missed is killed while it compares, again and again. What is not repaired yet was
/// not changed by anybody on the target.
#[test]
fn a_comparison_that_is_broken_off_makes_no_conflicts() {
    for seed in 0..150 {
        let mut world: World = one_way(seed);
        for _ in 0..60 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
        }
        world.start(&[]);
        for _ in 0..4 {
            (0..25).for_each(|_| world.client(Side::A));
            let base = world.begin(&[]);
            world.rounds.begin(base);
            for _ in 0..world.random.random_range(0..60) {
                world.live();
            }
        }
        world.barrier();
        assert_equal(&world, false, seed);
        assert_eq!(world.conflicts(), Vec::<String>::new(), "seed {seed}");
    }
}
