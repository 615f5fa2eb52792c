//! What is not carried counts all the same: names of sequential nodes on the target never meet one that exists.

use mesolith_zk::request::{CreateMode, Request};

use super::turns::with_takeovers;
use super::world::{SIDES, World, create};
use super::{assert_counted, assert_equal, assert_unchanged, settings, without};
use crate::settings::{Direction, Settings, Side, Strategy};

/// Clients write below `/a` and `/b`; these parts of it are not carried.
const EXCLUDED: [&str; 3] = ["/a/x", "/b", "/c/d"];

fn one_way() -> Settings {
    without(settings(Direction::AToB, Strategy::SourceWins), &EXCLUDED)
}

#[test]
fn an_excluded_child_counts_at_once() {
    let mut world = World::new(1, one_way());
    for path in ["/a", "/a/x", "/a/json.info_0000000001", "/b", "/b/x"] {
        world.create(Side::A, path);
        world.drain();
        assert_counted(&world, 1);
    }
    let b = world.tree(Side::B);
    assert_eq!(b.get("/a").map(|node| node.stored().cversion), Some(2));
    assert!(b.get("/a/x").is_none() && b.get("/a/.mesolith-counter").is_none());
    // Gone and made again, it counts again.
    world.delete(Side::A, "/a/x");
    world.create(Side::A, "/a/x");
    world.drain();
    assert_counted(&world, 1);
    assert_eq!(
        world.tree(Side::B).get("/a").map(|node| node.stored().cversion),
        Some(3)
    );
}

#[test]
fn a_multi_counts_in_its_order() {
    let mut world = World::new(2, one_way());
    world.create(Side::A, "/a");
    world.drain();
    let session = 500;
    world.on(Side::A, session, Request::OpenSession { timeout: 5000 });
    let paths = ["/a/x", "/a/x/below", "/a/y", "/a/y/z"];
    let writes = paths.map(|path| create(path, CreateMode::Persistent));
    world.on(Side::A, session, Request::Multi(writes.into()));
    world.drain();
    assert_counted(&world, 2);
    assert_equal(&world, true, 2);
}

#[test]
fn it_is_counted_across_lost_links_and_sessions() {
    for seed in 0..200 {
        let mut world = World::new(seed, one_way());
        for n in 0..200 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            match n % 80 {
                39 => world.lose_link(Side::B),
                79 => world.lose_session(Side::B),
                _ => {}
            }
        }
        world.drain();
        assert_counted(&world, seed);
        assert_equal(&world, true, seed);
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
    }
}

#[test]
fn it_is_counted_by_the_next_engine() {
    for with_history in [&SIDES[..], &[]] {
        for seed in 0..150 {
            let mut world = World::new(seed, one_way());
            for n in 0..150 {
                world.client(Side::A);
                (0..5).for_each(|_| world.step());
                if n % 40 == 39 {
                    (0..5).for_each(|_| world.client(Side::A));
                    world.start(with_history);
                    world.drain();
                    assert_equal(&world, !with_history.is_empty(), seed);
                    if !with_history.is_empty() {
                        assert_counted(&world, seed);
                    }
                }
            }
        }
    }
}

#[test]
fn it_is_counted_when_a_target_is_filled() {
    let mut world = World::new(3, one_way());
    world.settings.exclude.push("/a/x".to_owned());
    // Made and gone before any engine looked, too.
    for path in ["/a", "/a/x", "/a/y", "/a/json.info_0000000002", "/b", "/top"] {
        world.create(Side::A, path);
    }
    world.delete(Side::A, "/a/y");
    for path in ["/top", "/b"] {
        world.delete(Side::A, path);
    }
    world.start(&[]);
    world.drain();
    assert_counted(&world, 3);
    assert_equal(&world, true, 3);
}

#[test]
fn it_is_counted_by_an_engine_that_takes_over() {
    for seed in 0..150 {
        let mut world = World::new(seed, one_way());
        with_takeovers(&mut world, &[Side::A], 5);
        assert_counted(&world, seed);
        assert_equal(&world, true, seed);
    }
}

#[test]
fn where_both_sides_write_the_higher_counter_counts() {
    for seed in 0..200 {
        let settings = without(settings(Direction::Both, Strategy::SourceWins), &["/a/x", "/b/y"]);
        let mut world = World::new(seed, settings);
        world.owned = true;
        // A parent that both sides make children of.
        world.create(Side::A, "/m");
        world.drain();
        world.settings.exclude.push("/m/log".to_owned());
        world.start(&SIDES);
        for n in 0..150 {
            world.client(if n % 2 == 0 { Side::A } else { Side::B });
            if n % 10 == 0 {
                let side = if n % 20 == 0 { Side::A } else { Side::B };
                match world.tree(side).get("/m/log") {
                    Some(_) => world.delete(side, "/m/log"),
                    None => world.create(side, "/m/log"),
                }
            }
            (0..7).for_each(|_| world.step());
            if n % 40 == 39 {
                world.lose_link(if n % 80 == 39 { Side::A } else { Side::B });
            }
        }
        world.drain();
        world.look_again();
        world.drain();
        let [a, b] = SIDES.map(|side| world.tree(side).get("/m").map(|node| node.stored().cversion));
        assert_eq!(a, b, "seed {seed}");
        assert_counted(&world, seed);
        assert_equal(&world, true, seed);
        assert_unchanged(&world, seed);
    }
}
