//! An active engine and a standby that take turns.

use super::world::World;
use super::{assert_equal, assert_unchanged, each_its_own, one_way, settings};
use crate::settings::{Direction, Side, Strategy};

#[test]
fn a_standby_takes_over_without_a_gap() {
    for seed in 0..200 {
        let mut world = one_way(seed);
        for n in 0..150 {
            if n % 40 == 0 {
                world.drain();
                world.stand_by();
            }
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 40 == 39 {
                world.take_over();
            }
        }
        world.drain();
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
        for n in 0..150 {
            if n % 40 == 0 {
                world.drain();
                world.stand_by();
            }
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            (0..7).for_each(|_| world.step());
            if n % 40 == 39 {
                world.take_over();
            }
        }
        world.drain();
        world.settle(None);
        assert_equal(&world, true, seed);
        assert_unchanged(&world, seed);
    }
}
