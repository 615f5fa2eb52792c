//! Whole runs against model ensembles, every order of events by its seed.

mod server;
mod world;

use mesolith_zk::tree::{Node, Tree};

use super::Notice;
use world::World;

/// What has to be equal on both sides.
fn content(tree: &Tree, versions: bool) -> Vec<String> {
    let line = |node: Node<'_>| {
        let stat = node.stored();
        let versions = versions.then_some((stat.version, stat.aversion));
        let acl = node.acl().map(<[_]>::to_vec);
        let (data, owner) = (node.data().map(<[u8]>::to_vec), stat.ephemeral_owner);
        format!(
            "{} {data:?} {acl:?} {owner} {} {versions:?}",
            node.path(),
            stat.cversion
        )
    };
    let own = |path: &str| path == "/" || path.starts_with("/zookeeper") || path.starts_with("/mesolith");
    let nodes = tree.nodes().filter(|node| !own(&node.path()));
    let mut lines: Vec<_> = nodes.map(line).collect();
    lines.sort();
    lines
}

fn assert_equal(world: &World, versions: bool, seed: u64) {
    assert_eq!(
        content(&world.source.tree, versions),
        content(&world.target.tree, versions),
        "seed {seed}"
    );
}

#[test]
fn undisturbed_and_across_lost_links_everything_is_exact() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        for n in 0..200 {
            world.client();
            (0..4).for_each(|_| world.step());
            if n % 50 == 49 {
                world.lose_link();
            }
        }
        world.drain();
        assert_equal(&world, true, seed);
        assert_eq!(world.pipeline.counters().conflicts, 0, "seed {seed}");
    }
}

#[test]
fn a_new_engine_goes_on_where_the_old_one_was_killed() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for n in 0..150 {
            world.client();
            (0..4).for_each(|_| world.step());
            if n % 40 == 39 {
                world.start();
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
    }
}

#[test]
fn what_others_change_on_the_target_is_logged_and_put_right() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for n in 0..100 {
            world.client();
            (0..4).for_each(|_| world.step());
            if n % 10 == 9 {
                world.stranger();
            }
        }
        world.drain();
        while !world.settle() {}
        let logged = world
            .notices
            .iter()
            .filter(|n| matches!(n, Notice::Conflict(_)))
            .count();
        assert_eq!(logged as u64, world.pipeline.counters().conflicts);
        let strangers = |tree: &Tree| tree.ephemerals(99).count();
        if strangers(&world.target.tree) == 0 {
            let data = |tree: &Tree| {
                let lines = content(tree, false);
                lines
                    .iter()
                    .map(|line| line.rsplitn(3, ' ').last().unwrap_or_default().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(data(&world.source.tree), data(&world.target.tree), "seed {seed}");
        }
    }
}

#[test]
fn an_engine_that_was_replaced_cannot_write() {
    let mut world = World::new(7);
    let mut old = std::mem::replace(&mut world.pipeline, World::new(8).pipeline);
    world.start();
    let trees = super::Trees {
        source: &world.seen,
        target: &world.held,
    };
    old.down();
    let notices = old.up(trees);
    assert_eq!(notices, [Notice::Fenced { by: "2".into() }]);
    assert!(old.take().is_empty());
}
