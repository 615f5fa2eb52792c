//! Whole runs with model ensembles. A seed gives the order of events.

mod both_ways;
mod clients;
mod counters;
mod engine;
mod gap;
mod life;
mod load;
mod one_way;
mod refused;
mod server;
mod standby;
mod turns;
mod world;

use mesolith_zk::record::Acl;
use mesolith_zk::tree::Node;

use crate::settings::{Direction, Settings, Side, Strategy};
use world::World;

/// What has to be equal on both sides.
fn content(world: &World, side: Side, versions: bool) -> Vec<String> {
    let (tree, common, routes) = (world.tree(side), world.duplex.common(), world.duplex.routes());
    let line = |node: Node<'_>| {
        let stat = node.stored();
        let versions = versions.then_some((stat.version, stat.aversion, stat.cversion));
        let acl = common.list(node.acl()).filter(|list| !Acl::is_open(list));
        let data = node.data().map(<[u8]>::to_vec);
        let (mode, owner) = common.kind(node);
        let owner = owner.unwrap_or_default();
        format!("{} {data:?} {acl:?} {mode:?} {owner} {versions:?}", node.path())
    };
    let nodes = tree
        .nodes()
        .filter(|node| routes.locate(side, &node.path()).is_some());
    let mut lines: Vec<_> = nodes.map(line).collect();
    lines.sort();
    lines
}

fn assert_equal(world: &World, versions: bool, seed: u64) {
    assert_eq!(
        content(world, Side::A, versions),
        content(world, Side::B, versions),
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

/// Both sides write, each below a node of its own. So there are no conflicts, and the engine must undo nothing.
fn each_its_own(seed: u64) -> World {
    let mut world = World::new(seed, settings(Direction::Both, Strategy::SourceWins));
    world.owned = true;
    world
}

/// The same, with parts that are left out.
fn without(mut settings: Settings, excluded: &[&str]) -> Settings {
    settings.exclude = excluded.iter().map(ToString::to_string).collect();
    settings
}

/// Every node that both sides have counts the same creates, whatever of them is carried; so does the root, but for what an
/// ensemble keeps about itself.
fn assert_counted(world: &World, seed: u64) {
    let routes = world.duplex.routes();
    let counter = |node: Node<'_>| node.stored().cversion;
    for node in world.tree(Side::A).nodes() {
        let path = node.path();
        let kept = routes.locate(Side::A, &path).is_some();
        if let Some(other) = world.tree(Side::B).get(&path).filter(|_| kept) {
            assert_eq!(counter(node), counter(other), "{path}, seed {seed}");
        }
    }
    let [a, b] = [Side::A, Side::B].map(|side| counter(world.tree(side).root()));
    assert!(a <= b, "/: A {a}, B {b}, seed {seed}");
}

fn assert_unchanged(world: &World, seed: u64) {
    assert_eq!(world.changed_by_the_engine(), Vec::<String>::new(), "seed {seed}");
    assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
}
