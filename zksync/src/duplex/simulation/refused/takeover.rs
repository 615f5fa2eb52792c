//! What is refused is not forgotten: not while the node is on its way, and not when another engine takes over.

use super::super::world::World;
use super::super::{assert_equal, one_way, settings};
use super::{LEAST, assert_said};
use crate::plan::Part;
use crate::settings::{Direction, Side, Strategy};

/// What is not named has the same version on both sides.
fn assert_versions(world: &mut World, seed: u64) {
    let said = world.said();
    for node in world.tree(Side::A).nodes() {
        let path = node.path();
        let version = |side| world.tree(side).get(&path).map(|node| node.stored().version);
        let mut said = said.iter();
        let is_named = said.any(|(refused, _)| crate::routes::is_below(&path, refused));
        if !is_named && world.duplex.routes().locate(Side::A, &path).is_some() {
            assert_eq!(version(Side::A), version(Side::B), "seed {seed}: {path}");
        }
    }
}

/// Nobody forgets what is refused because somebody asks while the node is still on its way.
#[test]
fn what_is_refused_of_a_node_on_its_way_is_not_forgotten() {
    let mut world = one_way(1);
    world.limit(Side::B, LEAST);
    world.fill(Side::A, "/a", 1);
    world.see(Side::A);
    world.fill(Side::A, "/a", LEAST);
    world.see(Side::A);
    let data = [("/a".to_owned(), Part::Data)];
    assert_eq!(world.said(), data, "it is made on B with its first data");
    world.drain();
    assert_eq!(world.said(), data);
    // It goes and comes again: the one that B still has is not the one that it refuses.
    world.delete(Side::A, "/a");
    world.see(Side::A);
    world.fill(Side::A, "/a", LEAST);
    world.see(Side::A);
    let node = [("/a".to_owned(), Part::Node)];
    assert_eq!(world.said(), node, "B still has the first one");
    world.drain();
    assert_eq!(world.said(), node);
}

/// The next engine does not know what the last one had to leave out.
#[test]
fn a_version_that_was_refused_counts_with_the_next_engine() {
    let mut world = one_way(1);
    world.limit(Side::B, LEAST);
    world.fill(Side::A, "/a", 1);
    world.fill(Side::A, "/a", LEAST);
    world.fill(Side::A, "/a", LEAST + 1);
    world.drain();
    world.stand_by();
    world.take_over();
    world.fill(Side::A, "/a", 2);
    world.drain();
    assert_equal(&world, true, 1);
    assert_eq!(world.said(), []);
}

/// An engine that takes over knows nothing of what the other one refused. A barrier of it is as good.
#[test]
fn an_engine_that_takes_over_says_what_is_refused_before_it_answers_a_barrier() {
    for direction in [Direction::AToB, Direction::Both] {
        for seed in 0..60 {
            let mut world = World::new(seed, settings(direction, Strategy::SourceWins));
            let (writer, other) = match direction {
                Direction::Both if seed % 2 == 0 => (Side::B, Side::A),
                _ => (Side::A, Side::B),
            };
            world.limit(other, LEAST);
            world.rounds.begin(None);
            for n in 0..120 {
                if n % 40 == 0 {
                    world.drain();
                    world.stand_by();
                }
                world.grows(writer);
                if direction == Direction::AToB {
                    world.client(writer);
                }
                (0..4).for_each(|_| world.live());
                if n % 40 == 39 {
                    world.take_over_and_walk();
                    (0..5).for_each(|_| world.grows(writer));
                    world.barrier();
                    assert_said(&mut world, seed);
                    assert_versions(&mut world, seed);
                    assert_eq!(world.conflicts(), Vec::<String>::new(), "seed {seed}");
                }
            }
        }
    }
}

/// The size does not show that these are refused, so the next engine knows nothing of it. Neither side has changed since both
/// were equal: what differs was refused, and nothing was deleted where the parent is as it was.
#[test]
fn what_may_not_be_written_is_not_taken_for_gone_or_older_by_the_next_engine() {
    for seed in 0..30 {
        let mut world = World::new(seed, settings(Direction::Both, Strategy::SourceWins));
        for path in ["/a", "/b", "/b/gone"] {
            world.fill(Side::B, path, 1);
        }
        world.drain();
        for path in ["/a", "/c", "/c/d"] {
            world.a.server.denied.insert(path.into());
        }
        for path in ["/a", "/c", "/c/d"] {
            world.fill(Side::B, path, 7);
        }
        world.settle(None);
        let expected = [("/a".to_owned(), Part::Data), ("/c".to_owned(), Part::Node)];
        assert_eq!(world.said(), expected, "seed {seed}");
        // The checkpoints say that all of this was seen. Then A deletes what both have while no engine looks.
        (0..200).for_each(|_| world.step());
        world.drain();
        world.kill();
        world.delete(Side::A, "/b/gone");
        let base = world.begin(&[]);
        world.rounds.begin(base);
        world.barrier();
        assert_eq!(world.said(), expected, "seed {seed}");
        let length = |side, path| {
            world
                .tree(side)
                .get(path)
                .and_then(|node| node.data())
                .map(<[u8]>::len)
        };
        for path in ["/a", "/c", "/c/d"] {
            assert_eq!(length(Side::B, path), Some(7), "seed {seed}: {path}");
        }
        assert_eq!(length(Side::A, "/a"), Some(1));
        assert_eq!(length(Side::B, "/b/gone"), None);
    }
}
