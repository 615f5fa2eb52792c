//! Both sides write, into the same nodes or each into its own.

use super::world::{self, SIDES, World};
use super::{assert_equal, assert_unchanged, each_its_own, settings};
use crate::settings::{Direction, Side, Strategy};

#[test]
fn both_sides_write_and_become_equal() {
    for strategy in [Strategy::SourceWins, Strategy::LastWriteWins] {
        for seed in 0..200 {
            let mut world = World::new(seed, settings(Direction::Both, strategy));
            for n in 0..150 {
                world.client(if n % 2 == 0 { Side::A } else { Side::B });
                (0..7).for_each(|_| world.step());
                if n % 50 == 49 {
                    world.lose_link(if n == 49 { Side::A } else { Side::B });
                }
            }
            world.drain();
            world.settle(None);
            assert_equal(&world, false, seed);
        }
    }
}

#[test]
fn both_sides_write_and_an_engine_is_killed() {
    for seed in 0..200 {
        let mut world = World::new(seed, settings(Direction::Both, Strategy::SourceWins));
        for n in 0..150 {
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            (0..7).for_each(|_| world.step());
            if n % 50 == 49 {
                world.start(if n == 49 { &SIDES } else { &[] });
            }
        }
        world.drain();
        world.settle(None);
        assert_equal(&world, false, seed);
    }
}

#[test]
fn what_only_one_side_writes_is_exact_across_lost_links() {
    for seed in 0..300 {
        let mut world = each_its_own(seed);
        for n in 0..200 {
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            (0..7).for_each(|_| world.step());
            if n % 40 == 39 {
                world.lose_link(if n % 80 == 39 { Side::A } else { Side::B });
            }
        }
        world.drain();
        assert_equal(&world, true, seed);
        assert_unchanged(&world, seed);
        world.settle(None);
        assert_unchanged(&world, seed);
    }
}

#[test]
fn what_only_one_side_writes_survives_the_engine() {
    for with_history in [true, false] {
        for seed in 0..200 {
            let mut world = each_its_own(seed);
            for n in 0..150 {
                world.client(if n % 2 == 0 { Side::A } else { Side::B });
                (0..7).for_each(|_| world.step());
                if n % 40 == 39 {
                    (0..6).for_each(|n| world.client(if n % 2 == 0 { Side::A } else { Side::B }));
                    world.start(if with_history { &SIDES } else { &[] });
                }
            }
            world.drain();
            assert_equal(&world, with_history, seed);
            // Without history, a client's write just before the gap may be taken for the engine's.
            if with_history {
                assert_unchanged(&world, seed);
            }
        }
    }
}

#[test]
fn the_history_of_one_side_tells_what_is_news() {
    for side in SIDES {
        for seed in 0..200 {
            let mut world = each_its_own(seed);
            for n in 0..150 {
                world.client(if n % 2 == 0 { Side::A } else { Side::B });
                (0..7).for_each(|_| world.step());
                if n % 40 == 39 {
                    (0..6).for_each(|n| world.client(if n % 2 == 0 { Side::A } else { Side::B }));
                    world.start(&[side]);
                }
            }
            world.drain();
            assert_equal(&world, false, seed);
            assert_unchanged(&world, seed);
        }
    }
}

#[test]
fn a_walk_that_ends_while_clients_write_has_missed_nothing() {
    for seed in 0..150 {
        let mut world = each_its_own(seed);
        for n in 0..80 {
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            (0..7).for_each(|_| world.step());
            if n % 40 == 39 {
                (0..30).for_each(|n| world.client(if n % 2 == 0 { Side::A } else { Side::B }));
                world.start_under_load();
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
    }
}

#[test]
fn where_one_side_is_quiet_the_other_one_s_news_are_known_after_a_gap() {
    for seed in 0..200 {
        let mut world = each_its_own(seed);
        let (busy, quiet) = if seed % 2 == 0 {
            (Side::A, Side::B)
        } else {
            (Side::B, Side::A)
        };
        for n in 0..120 {
            world.client(if n < 10 { quiet } else { busy });
            (0..7).for_each(|_| world.step());
            if n % 40 == 39 {
                world.drain();
                (0..60).for_each(|_| world.step());
                (0..20).for_each(|_| world.client(busy));
                world.start(&[]);
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
        assert_unchanged(&world, seed);
    }
}

#[test]
fn a_person_decides_what_was_frozen() {
    for seed in 0..200 {
        let mut world = World::new(seed, settings(Direction::Both, Strategy::Manual));
        for n in 0..100 {
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            (0..4).for_each(|_| world.step());
        }
        world.drain();
        world.resolve_all(if seed % 2 == 0 { Side::A } else { Side::B });
        world.drain();
        world.settle(None);
        world.resolve_all(Side::A);
        world.settle(None);
        assert_equal(&world, false, seed);
    }
}

#[test]
fn what_a_client_link_saw_is_carried_where_both_sides_write() {
    let mut world = World::new(2, settings(Direction::Both, Strategy::SourceWins));
    let path = "/theirs";
    world.create(Side::B, path);
    world.see_silently(Side::B);
    let news = world
        .duplex
        .dirty(Side::B, path, world::both(&world.a, &world.b), world.now);
    assert!(news.is_empty(), "{news:?}");
    world.drain();
    assert!(world.tree(Side::A).get(path).is_some());
    world.delete(Side::B, path);
    world.see_silently(Side::B);
    world
        .duplex
        .dirty(Side::B, path, world::both(&world.a, &world.b), world.now);
    world.drain();
    assert!(world.tree(Side::A).get(path).is_none());
    assert_eq!(world.duplex.conflicts(), 0);
}
