//! What a side does not take is said, and nothing else is missing.

mod takeover;

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::world::{self, SIDES, World};
use super::{assert_equal, one_way, settings};
use crate::duplex::NotTaken;
use crate::plan::{Part, Why};
use crate::settings::{Direction, Side, Strategy};

/// Longest packet on the side that takes less.
const LEAST: usize = 2_000;
const NAMES: [&str; 5] = ["/a", "/b", "/a/x", "/a/y", "/a/x/z"];

impl World {
    fn refused(&mut self) -> Vec<NotTaken> {
        self.duplex.refused(world::both(&self.a, &self.b))
    }

    /// Paths of what is refused, by the target's name, and what of them.
    fn said(&mut self) -> Vec<(String, Part)> {
        self.refused()
            .into_iter()
            .map(|one| (one.path, one.part))
            .collect()
    }

    /// Nodes whose data differs, or that only one side has.
    fn different(&self) -> BTreeSet<String> {
        let of = |side| -> BTreeSet<(String, Option<Vec<u8>>)> {
            let own =
                |path: &str| path == "/" || path.starts_with("/zookeeper") || path.starts_with("/mesolith");
            let nodes = self.tree(side).nodes().filter(|node| !own(&node.path()));
            nodes
                .map(|node| (node.path(), node.data().map(<[u8]>::to_vec)))
                .collect()
        };
        let (a, b) = (of(Side::A), of(Side::B));
        a.symmetric_difference(&b).map(|(path, _)| path.clone()).collect()
    }

    /// Someone writes a node that may be too large, or deletes one.
    fn grows(&mut self, side: Side) {
        let path = *NAMES.choose(&mut self.random).unwrap_or(&"/a");
        match self.random.random_range(0..8) {
            0 => self.delete(side, path),
            1..4 => self.fill(side, path, LEAST + 100),
            4 => {
                let bytes = self.random.random_range(LEAST - 100..LEAST + 10);
                self.fill(side, path, bytes);
            }
            _ => self.fill(side, path, 10),
        }
    }
}

/// Every difference is said, and nothing else is.
fn assert_said(world: &mut World, seed: u64) {
    let said = world.said();
    let different = world.different();
    for path in &different {
        let named = said.iter().any(|(refused, part)| match part {
            Part::Node => crate::routes::is_below(path, refused),
            _ => refused == path,
        });
        assert!(named, "seed {seed}: {path} is not said: {said:?}");
    }
    for (path, part) in &said {
        assert!(different.contains(path), "seed {seed}: {path} {part:?} is equal");
    }
}

#[test]
fn what_is_too_large_is_said_and_nothing_else_is_missing() {
    for seed in 0..60 {
        let mut world = one_way(seed);
        world.limit(Side::B, LEAST);
        for n in 0..150 {
            world.grows(Side::A);
            world.client(Side::A);
            (0..4).for_each(|_| world.step());
            match n % 50 {
                20 => world.lose_link(Side::B),
                40 => world.start(if seed % 2 == 0 { &SIDES } else { &[] }),
                _ => {}
            }
        }
        world.settle(None);
        assert_said(&mut world, seed);
        // It shrinks, and all is as on A.
        for name in NAMES {
            if world.tree(Side::A).get(name).is_some() {
                world.fill(Side::A, name, 3);
            }
        }
        world.drain();
        assert_eq!(world.said(), [], "seed {seed}");
        assert_eq!(world.different(), BTreeSet::new(), "seed {seed}");
        assert!(!world.fenced(), "seed {seed}");
    }
}

#[test]
fn more_is_taken_from_the_moment_that_servers_take_it() {
    for seed in 0..30 {
        let mut world = one_way(seed);
        world.limit(Side::B, LEAST);
        for _ in 0..100 {
            world.grows(Side::A);
            (0..4).for_each(|_| world.step());
        }
        world.fill(Side::A, "/a", LEAST + 1);
        world.fill(Side::A, "/a/x", 5);
        world.drain();
        assert!(
            world.said().contains(&("/a".to_owned(), Part::Node)) || world.tree(Side::B).get("/a").is_some()
        );
        assert_said(&mut world, seed);
        world.limit(Side::B, 10 * LEAST);
        world.drain();
        assert_eq!(world.said(), [], "seed {seed}");
        assert_eq!(world.different(), BTreeSet::new(), "seed {seed}");
    }
}

/// A transaction that is too long as a whole comes in parts; one with a part that is too long comes without it.
#[test]
fn of_a_transaction_all_comes_that_can() {
    use mesolith_zk::request::{CreateMode, Request, Write};
    let mut world = one_way(1);
    world.limit(Side::B, LEAST);
    let create = |path: &str, bytes| Write::Create {
        path: path.into(),
        data: Some(vec![b'x'; bytes].into()),
        acl: None,
        mode: CreateMode::Persistent,
    };
    let together = [
        ("/a", 1_500),
        ("/b", 1_500),
        ("/c", 1_500),
        ("/d", LEAST),
        ("/e", 10),
    ];
    let writes = together.map(|(path, bytes)| create(path, bytes)).to_vec();
    world.on(Side::A, world::ADMINISTRATOR, Request::Multi(writes));
    world.drain();
    assert_eq!(world.said(), [("/d".to_owned(), Part::Node)]);
    assert_eq!(world.different(), BTreeSet::from(["/d".to_owned()]));
}

#[test]
fn what_may_not_be_written_is_said_and_tried_with_the_next_change() {
    let mut world = one_way(2);
    world.fill(Side::A, "/a", 1);
    world.drain();
    world.b.server.denied.insert("/a".into());
    world.b.server.denied.insert("/b".into());
    for _ in 0..5 {
        world.fill(Side::A, "/a", 2);
        world.fill(Side::A, "/b", 2);
        world.fill(Side::A, "/b/c", 2);
        world.fill(Side::A, "/d", 2);
    }
    world.settle(None);
    let expected = [("/a".to_owned(), Part::Data), ("/b".to_owned(), Part::Node)];
    assert_eq!(world.said(), expected);
    assert!(
        world
            .refused()
            .iter()
            .all(|one| one.refusal.why == Why::Code(-102))
    );
    assert!(world.tree(Side::B).get("/d").is_some());
    // The same change again is refused again, and not for ever.
    let requests = world.duplex.away_from(Side::A).counters().requests;
    world.settle(None);
    assert_eq!(world.duplex.away_from(Side::A).counters().requests, requests);
    world.b.server.denied.clear();
    world.fill(Side::A, "/a", 3);
    world.drain();
    assert_eq!(world.said(), expected[1..]);
    assert_eq!(world.tree(Side::B).get("/a").unwrap().stored().version, 6);
    world.duplex.try_refused(world::both(&world.a, &world.b));
    world.drain();
    assert_eq!(world.said(), []);
    assert_equal(&world, true, 2);
}

/// A person has to be able to trust that the larger node is not replaced by what the other side has had before.
#[test]
fn where_both_write_what_is_too_large_for_one_stays_on_the_other() {
    for seed in 0..30 {
        let mut world = World::new(seed, settings(Direction::Both, Strategy::SourceWins));
        world.limit(Side::A, LEAST);
        for name in NAMES {
            world.fill(Side::B, name, 1);
        }
        world.drain();
        world.fill(Side::B, "/a/x", LEAST);
        world.fill(Side::B, "/new", LEAST);
        world.fill(Side::B, "/new/c", 1);
        world.drain();
        let expected = [("/a/x".to_owned(), Part::Data), ("/new".to_owned(), Part::Node)];
        assert_eq!(world.said(), expected, "seed {seed}");
        world.start(if seed % 2 == 0 { &SIDES } else { &[] });
        assert_eq!(world.said(), expected, "seed {seed}");
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
        let length = |path| {
            world
                .tree(Side::B)
                .get(path)
                .and_then(|node| node.data())
                .map(<[u8]>::len)
        };
        assert_eq!(
            (length("/a/x"), length("/new"), length("/new/c")),
            (Some(LEAST), Some(LEAST), Some(1))
        );
        world.fill(Side::B, "/a/x", 2);
        world.fill(Side::B, "/new", 2);
        world.drain();
        assert_eq!(world.said(), [], "seed {seed}");
        assert_eq!(world.different(), BTreeSet::new(), "seed {seed}");
    }
}

fn nested(root: &str, target_root: &str) -> World {
    let mut settings = settings(Direction::AToB, Strategy::SourceWins);
    settings.routes[0].root = root.to_owned();
    settings.routes[0].target_root = target_root.to_owned();
    World::new(1, settings)
}

#[test]
fn a_refused_node_above_a_root_is_said_until_it_is_there() {
    for somebody in [false, true] {
        let mut world = nested("/a", "/dc2/x/a");
        world.b.server.denied.insert("/dc2".into());
        world.fill(Side::A, "/a", 1);
        world.fill(Side::A, "/a/x", 1);
        world.settle(None);
        assert_eq!(world.said(), [("/dc2".to_owned(), Part::Node)]);
        assert!(world.duplex.is_idle());
        world.b.server.denied.clear();
        if somebody {
            world.fill(Side::B, "/dc2", 1);
            world.fill(Side::B, "/dc2/other", 1);
            world.drain();
        } else {
            world.duplex.try_refused(world::both(&world.a, &world.b));
        }
        assert_eq!(world.said().is_empty(), somebody);
        world.duplex.try_refused(world::both(&world.a, &world.b));
        world.drain();
        assert_eq!(world.said(), []);
        assert!(world.tree(Side::B).get("/dc2/x/a/x").is_some());
        assert_eq!(world.tree(Side::B).get("/dc2/other").is_some(), somebody);
    }
    // It is not needed any more.
    let mut world = nested("/a", "/dc2/a");
    world.b.server.denied.insert("/dc2".into());
    world.fill(Side::A, "/a", 1);
    world.settle(None);
    world.delete(Side::A, "/a");
    world.settle(None);
    assert_eq!(world.said(), []);
}

#[test]
fn a_node_above_a_root_comes_without_data_that_is_too_large() {
    let mut world = nested("/a/x", "/a/x");
    world.limit(Side::B, LEAST);
    world.fill(Side::A, "/a", LEAST);
    world.fill(Side::A, "/a/x", 1);
    world.drain();
    assert_eq!(world.said(), []);
    let b = world.tree(Side::B);
    assert!(b.get("/a/x").is_some() && b.get("/a").unwrap().data().is_none());
}

/// Its counter says nothing about a node's data.
#[test]
fn a_refused_counter_decides_no_conflict() {
    let both_ways = settings(Direction::Both, Strategy::SourceWins);
    let mut world = World::new(1, super::without(both_ways, &["/a/x"]));
    world.fill(Side::A, "/a", 1);
    world.drain();
    world.b.server.denied.insert("/a/.mesolith-counter".into());
    world.fill(Side::A, "/a/x", 1);
    world.settle(None);
    assert_eq!(world.said(), [("/a".to_owned(), Part::Counter)]);
    world.fill(Side::B, "/a", 7);
    world.settle(None);
    assert_eq!(world.duplex.conflicts(), 0);
    for side in SIDES {
        assert_eq!(world.tree(side).get("/a").unwrap().data().unwrap().len(), 7);
    }
}

#[test]
fn a_frozen_node_is_not_on_its_way_however_much_is_taken() {
    let mut world = World::new(1, settings(Direction::Both, Strategy::Manual));
    world.limit(Side::B, LEAST);
    world.fill(Side::A, "/a", 1);
    world.drain();
    world.fill(Side::A, "/a", LEAST);
    world.drain();
    world.duplex.freeze("/a");
    world.limit(Side::B, 2 * LEAST);
    world.drain();
    assert_eq!(world.said(), [("/a".to_owned(), Part::Data)]);
    assert!(!world.duplex.is_trying(world.both()));
}
