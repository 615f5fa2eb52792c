//! Whole runs against model ensembles, every order of events by its seed.

mod both_ways;
mod clients;
mod engine;
mod load;
mod one_way;
mod refused;
mod server;
mod standby;
mod turns;
mod world;

use mesolith_zk::record::Acl;
use mesolith_zk::tree::{Node, Tree};

use crate::plan::Common;
use crate::settings::{Direction, Settings, Side, Strategy};
use world::World;

/// What has to be equal on both sides.
fn content(tree: &Tree, versions: bool, common: &Common) -> Vec<String> {
    let line = |node: Node<'_>| {
        let stat = node.stored();
        let versions = versions.then_some((stat.version, stat.aversion, stat.cversion));
        let acl = common.list(node.acl()).filter(|list| !Acl::is_open(list));
        let data = node.data().map(<[u8]>::to_vec);
        let (mode, owner) = common.kind(node);
        let owner = owner.unwrap_or_default();
        format!("{} {data:?} {acl:?} {mode:?} {owner} {versions:?}", node.path())
    };
    let own = |path: &str| path == "/" || path.starts_with("/zookeeper") || path.starts_with("/mesolith");
    let nodes = tree.nodes().filter(|node| !own(&node.path()));
    let mut lines: Vec<_> = nodes.map(line).collect();
    lines.sort();
    lines
}

fn assert_equal(world: &World, versions: bool, seed: u64) {
    assert_eq!(
        content(world.tree(Side::A), versions, world.duplex.common()),
        content(world.tree(Side::B), versions, world.duplex.common()),
        "seed {seed}"
    );
    assert!(!world.fenced(), "seed {seed}");
}

fn settings(direction: Direction, conflict_resolution: Strategy) -> Settings {
    let mut settings = Settings {
        conflict_resolution,
        ..Settings::default()
    };
    settings.routes[0].direction = direction;
    settings
}

fn one_way(seed: u64) -> World {
    World::new(seed, settings(Direction::AToB, Strategy::SourceWins))
}

/// Both sides write, each below a node of its own, so that nothing is a conflict and nobody may undo anything.
fn each_its_own(seed: u64) -> World {
    let mut world = World::new(seed, settings(Direction::Both, Strategy::SourceWins));
    world.owned = true;
    world
}

fn assert_unchanged(world: &World, seed: u64) {
    assert_eq!(world.changed_by_the_engine(), Vec::<String>::new(), "seed {seed}");
    assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
}
