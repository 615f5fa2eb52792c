//! An active engine and a standby that take turns.

use super::world::World;
use super::{assert_equal, assert_unchanged, each_its_own, one_way, settings};
use crate::settings::{Direction, Side, Strategy};

/// Clients write, on the sides that are given, so many events apart, while one engine after the other is killed and replaced.
pub(super) fn with_takeovers(world: &mut World, sides: &[Side], steps: usize) {
    for n in 0..150 {
        if n % 40 == 0 {
            world.drain();
            world.stand_by();
        }
        world.client(sides[n % sides.len()]);
        (0..steps).for_each(|_| world.step());
        if n % 40 == 39 {
            world.take_over();
        }
    }
    world.drain();
}

#[test]
fn a_standby_takes_over_without_a_gap() {
    for seed in 0..200 {
        let mut world = one_way(seed);
        with_takeovers(&mut world, &[Side::A], 5);
        assert_equal(&world, true, seed);
    }
}

#[test]
fn two_engines_that_take_turns_do_nothing_twice() {
    for (direction, owned) in [(Direction::AToB, false), (Direction::Both, true)] {
        for seed in 0..150 {
            let mut world = World::new(seed, settings(direction, Strategy::SourceWins));
            world.owned = owned;
            world.drain();
            world.stand_by();
            for n in 0..160 {
                world.client(if owned && n % 2 == 0 { Side::B } else { Side::A });
                (0..7).for_each(|_| world.step());
                if n % 40 == 39 {
                    world.take_turns();
                }
            }
            world.drain();
            assert_equal(&world, true, seed);
            assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
        }
    }
}

#[test]
fn what_only_one_side_writes_survives_a_takeover() {
    for seed in 0..300 {
        let mut world = each_its_own(seed);
        with_takeovers(&mut world, &[Side::A, Side::B], 7);
        world.settle(None);
        assert_equal(&world, true, seed);
        assert_unchanged(&world, seed);
    }
}
