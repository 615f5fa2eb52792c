//! Whole runs against model ensembles, every order of events by its seed.

mod clients;
mod load;
mod server;
mod standby;
mod world;

use mesolith_zk::record::{Acl, Id};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zk::tree::{Node, Tree};

use super::{News, Sweep};
use crate::pipeline::Notice;
use crate::plan::{Common, Kinds};
use crate::settings::{Direction, Settings, Side, Strategy};
use world::{World, create};

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

#[test]
fn undisturbed_and_across_lost_links_everything_is_exact() {
    for seed in 0..300 {
        let mut world = one_way(seed);
        for n in 0..200 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 50 == 49 {
                world.lose_link(Side::B);
            }
        }
        world.drain();
        assert_equal(&world, true, seed);
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
    }
}

#[test]
fn lost_sessions_of_the_engine_lose_nothing() {
    for seed in 0..300 {
        let mut world = one_way(seed);
        for n in 0..200 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 40 == 39 {
                world.lose_session(Side::B);
            }
        }
        world.drain();
        assert_equal(&world, true, seed);
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
    }
}

#[test]
fn a_target_that_knows_less_has_what_it_can_hold() {
    for seed in 0..300 {
        let mut world = one_way(seed);
        world.make_old(Side::B);
        // Else it shows with the first refusal.
        if seed % 2 == 0 {
            world.duplex.set_versions(Kinds::NONE, false);
        }
        for n in 0..200 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 50 == 49 {
                world.lose_link(Side::B);
            }
        }
        world.settle(None);
        assert_equal(&world, true, seed);
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
        let held = |news: &News| matches!(news, News::Of(_, Notice::Unwritable { .. }));
        assert!(!world.news.iter().any(held), "seed {seed}");
        let narrowed = |news: &News| matches!(news, News::Of(_, Notice::Narrowed { .. }));
        assert!(seed % 2 == 1 || !world.news.iter().any(narrowed), "seed {seed}");
    }
}

#[test]
fn a_list_that_came_after_the_engine_s_session_is_set_again() {
    for seed in 0..40 {
        let mut world = one_way(seed);
        let client = 500;
        world.on(Side::A, client, Request::OpenSession { timeout: 5000 });
        world.on(
            Side::A,
            client,
            Request::Single(create("/l", CreateMode::Persistent)),
        );
        world.drain();
        let acl = Some(vec![Acl {
            perms: 1,
            id: Id {
                scheme: "world".into(),
                id: "anyone".into(),
            },
        }]);
        let version = ANY_VERSION;
        let writes = [
            Write::SetAcl {
                path: "/l".into(),
                acl,
                version,
            },
            // In the client's own name, so it is done although the engine's session is over.
            create("/e", CreateMode::Ephemeral),
            Write::SetData {
                path: "/l".into(),
                data: Some("more".into()),
                version,
            },
        ];
        for write in writes {
            world.on(Side::A, client, Request::Single(write));
            world.see(Side::A);
            world.send();
        }
        world.lose_session(Side::B);
        world.drain();
        assert_equal(&world, true, seed);
    }
}

#[test]
fn an_engine_that_knows_what_it_missed_is_exact_again() {
    for seed in 0..200 {
        let mut world = one_way(seed);
        for n in 0..150 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 40 == 39 {
                (0..5).for_each(|_| world.client(Side::A));
                world.start(true);
            }
        }
        world.drain();
        assert_equal(&world, true, seed);
        assert_eq!(world.duplex.conflicts(), 0, "seed {seed}");
    }
}

#[test]
fn an_engine_that_does_not_know_what_it_missed_makes_both_sides_equal() {
    for seed in 0..200 {
        let mut world = one_way(seed);
        for n in 0..150 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 40 == 39 {
                (0..5).for_each(|_| world.client(Side::A));
                world.start(false);
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
    }
}

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
fn what_others_change_on_the_target_is_logged_and_put_right() {
    for seed in 0..200 {
        let mut world = one_way(seed);
        for n in 0..100 {
            world.client(Side::A);
            (0..5).for_each(|_| world.step());
            if n % 10 == 9 {
                world.client(Side::B);
            }
        }
        world.settle(None);
        let logged = world
            .news
            .iter()
            .filter(|n| matches!(n, News::Conflict(_)))
            .count();
        assert_eq!(logged as u64, world.duplex.conflicts());
        // What the target's own clients registered is theirs.
        let guests = |line: &String| (1010..1100).any(|id| line.contains(&format!(" {id} ")));
        let lines = |side| {
            content(world.tree(side), false, world.duplex.common())
                .into_iter()
                .filter(|line| !guests(line))
        };
        assert!(lines(Side::A).eq(lines(Side::B)), "seed {seed}");
    }
}

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
                world.start(n == 49);
            }
        }
        world.drain();
        world.settle(None);
        assert_equal(&world, false, seed);
    }
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
                    world.start(with_history);
                }
            }
            world.drain();
            assert_equal(&world, with_history, seed);
            // Without history, what was written just before the gap may look like the engine's own.
            if with_history {
                assert_unchanged(&world, seed);
            }
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
                world.start(false);
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
        assert_unchanged(&world, seed);
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
fn what_a_client_link_saw_is_put_right_and_logged_once() {
    let mut world = one_way(1);
    (0..40).for_each(|_| world.client(Side::A));
    world.drain();
    let path = "/theirs";
    world.create(Side::B, path);
    world.see_silently(Side::B);
    for _ in 0..2 {
        let news = world.duplex.dirty(Side::B, path, world::both(&world.a, &world.b));
        world.news.extend(news);
    }
    assert_eq!(world.duplex.conflicts(), 1);
    let what = world.news.iter().find_map(|news| match news {
        News::Conflict(conflict) => Some(conflict.what.clone()),
        _ => None,
    });
    assert_eq!(what.as_deref(), Some("created on B, which follows A"));
    world.drain();
    assert_equal(&world, false, 1);
}

#[test]
fn what_a_client_link_saw_is_carried_where_both_sides_write() {
    let mut world = World::new(2, settings(Direction::Both, Strategy::SourceWins));
    let path = "/theirs";
    world.create(Side::B, path);
    world.see_silently(Side::B);
    let news = world.duplex.dirty(Side::B, path, world::both(&world.a, &world.b));
    assert!(news.is_empty(), "{news:?}");
    world.drain();
    assert!(world.tree(Side::A).get(path).is_some());
    world.delete(Side::B, path);
    world.see_silently(Side::B);
    world.duplex.dirty(Side::B, path, world::both(&world.a, &world.b));
    world.drain();
    assert!(world.tree(Side::A).get(path).is_none());
    assert_eq!(world.duplex.conflicts(), 0);
}

#[test]
fn what_went_with_the_copy_of_a_session_is_nobodys_doing() {
    let mut world = one_way(3);
    let path = "/registered";
    let session = world.register(Side::A, path);
    world.drain();
    assert!(world.tree(Side::B).get(path).is_some());
    world.end_session(Side::B, session);
    world.start(false);
    world.drain();
    assert_eq!(world.duplex.conflicts(), 0, "{:?}", world.news);
    assert!(world.tree(Side::B).get(path).is_some());
}

#[test]
fn a_walk_looks_at_a_node_whose_children_are_on_their_way() {
    let mut world = one_way(4);
    world.create(Side::A, "/p");
    world.drain();
    world.set(Side::A, "/p");
    world.see_silently(Side::A);
    world.create(Side::A, "/p/x");
    world.see(Side::A);
    let (mut sweep, mut news) = (Sweep::new(None), Vec::new());
    let trees = world::both(&world.a, &world.b);
    assert!(sweep.step(&mut world.duplex, trees, usize::MAX, &mut news));
    assert_eq!(sweep.found, 1);
    world.drain();
    let trees = world::both(&world.a, &world.b);
    assert!(sweep.look_again(&mut world.duplex, trees, &mut news));
    assert_equal(&world, true, 4);
}
