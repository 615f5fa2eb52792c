//! Only A is written, and B follows.

use mesolith_zk::record::{Acl, Id};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};

use super::world::{self, SIDES, World, create};
use super::{assert_equal, content, one_way, settings, without};
use crate::duplex::{News, Sweep};
use crate::pipeline::Notice;
use crate::plan::Kinds;
use crate::settings::{Direction, Side, Strategy};

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
        // Otherwise the first refusal shows it.
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
            // The request is in the client's name, so it is carried out although the engine's session is over.
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
                world.start(&SIDES);
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
                world.start(&[]);
            }
        }
        world.drain();
        assert_equal(&world, false, seed);
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
        // Nodes that the target's own clients have registered stay.
        let guests = |line: &String| (1010..1100).any(|id| line.contains(&format!(" {id} ")));
        let lines = |side| {
            content(&world, side, false)
                .into_iter()
                .filter(|line| !guests(line))
        };
        assert!(lines(Side::A).eq(lines(Side::B)), "seed {seed}");
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
        let news = world
            .duplex
            .dirty(Side::B, path, world::both(&world.a, &world.b), world.now);
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
fn what_went_with_the_copy_of_a_session_is_nobodys_doing() {
    let mut world = one_way(3);
    let path = "/registered";
    let session = world.register(Side::A, path);
    world.drain();
    assert!(world.tree(Side::B).get(path).is_some());
    world.end_session(Side::B, session);
    world.start(&[]);
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

/// A watch says that a node has changed, not how: the next change may be seen while the first one is on its way.
#[test]
fn what_is_seen_while_an_earlier_change_is_on_its_way_comes_before_a_barrier_is_answered() {
    let settings = without(settings(Direction::AToB, Strategy::SourceWins), &["/p/left-out"]);
    let mut world = World::new(5, settings);
    world.create(Side::A, "/p");
    world.start(&[]);
    world.rounds.begin(None);
    world.barrier();
    let dirty = |world: &mut World| {
        world.see_silently(Side::A);
        let trees = world::both(&world.a, &world.b);
        let news = world.duplex.dirty(Side::A, "/p", trees, world.now);
        assert_eq!(news, []);
    };
    world.set(Side::A, "/p");
    dirty(&mut world);
    for bytes in [5, 7] {
        world.fill(Side::A, "/p", bytes);
        dirty(&mut world);
    }
    world.create(Side::A, "/p/left-out");
    dirty(&mut world);
    world.barrier();
    assert_equal(&world, true, 5);
    // A child is on its way, and one that is left out counts as well.
    world.create(Side::A, "/p/x");
    world.see_silently(Side::A);
    let trees = world::both(&world.a, &world.b);
    world.duplex.dirty(Side::A, "/p/x", trees, world.now);
    world.delete(Side::A, "/p/left-out");
    world.create(Side::A, "/p/left-out");
    dirty(&mut world);
    world.barrier();
    assert_equal(&world, true, 5);
}
