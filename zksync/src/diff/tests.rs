//! The walk compared with a plain comparison of all paths and fields, and its speed.

use std::collections::BTreeSet;
use std::time::Instant;

use mesolith_zk::record::{Acl, NodeStat, Zxid};
use proptest::prelude::*;

use super::*;
use crate::plan::Kinds;
use crate::settings::{Route, Settings};

fn moved(roots: &[(&str, &str)], excluded: &[&str], direction: Direction) -> Routes {
    let route = |(root, target): &(&str, &str)| Route {
        root: (*root).to_owned(),
        target_root: (*target).to_owned(),
        direction,
    };
    Routes::new(&Settings {
        routes: roots.iter().map(route).collect(),
        exclude: excluded.iter().map(ToString::to_string).collect(),
        ..Settings::default()
    })
    .unwrap()
}

fn scope(roots: &[&str], excluded: &[&str]) -> Routes {
    let roots: Vec<_> = roots.iter().map(|root| (*root, *root)).collect();
    moved(&roots, excluded, Direction::AToB)
}

fn stat(n: i32) -> NodeStat {
    NodeStat {
        czxid: Zxid(n.into()),
        mtime: n.into(),
        ..NodeStat::default()
    }
}

/// A tree of these nodes. Fields that are compared are equal; fields that are not compared depend on `unlike`.
fn tree(paths: &[&str], unlike: i32) -> Tree {
    let mut tree = Tree::new();
    for path in paths {
        tree.insert(path, Some(path.as_bytes()), None, stat(unlike))
            .unwrap();
    }
    tree
}

fn found(report: &DiffReport) -> Vec<String> {
    let mut lines: Vec<_> = report
        .differences
        .iter()
        .map(|d| format!("{} {} {} {}", d.path, d.field, d.a, d.b))
        .collect();
    lines.sort();
    lines
}

const PATHS: [&str; 6] = ["/a", "/a/b", "/a/b/c", "/d", "/mesolith", "/mesolith/x"];

#[test]
fn times_and_zxids_are_not_compared() {
    let (a, b) = (tree(&PATHS, 1), tree(&PATHS[..4], 2));
    let report = compare(&a, &b, &scope(&["/"], &[]), &Common::default(), |_| false, 10);
    assert_eq!((report.compared, report.different), (4, 0), "{report:?}");
}

#[test]
fn every_field_is_named() {
    let a = tree(&PATHS, 1);
    let mut b = tree(&["/a", "/a/b", "/e", "/e/f"], 2);
    let acl = [Acl {
        perms: 1,
        id: mesolith_zk::record::Id {
            scheme: "digest".into(),
            id: "me:hash".into(),
        },
    }];
    let changed = NodeStat {
        version: 1,
        cversion: 2,
        aversion: 3,
        ephemeral_owner: NodeStat::CONTAINER,
        ..stat(2)
    };
    b.insert("/a/b", None, Some(&acl), changed).unwrap();
    let report = compare(&a, &b, &scope(&["/"], &[]), &Common::default(), |_| false, 100);
    let expected = [
        "/a/b acl world:anyone:cdrwa digest:me:r",
        "/a/b aversion 0 3",
        "/a/b cversion 0 2",
        "/a/b data \"/a/b\" null",
        "/a/b owner persistent container",
        "/a/b version 0 1",
        "/a/b/c node present absent",
        "/d node present absent",
        "/e node absent present",
        "/e/f node absent present",
    ];
    assert_eq!(found(&report), expected);
    assert_eq!((report.compared, report.different), (6, 5));
    let short = compare(&a, &b, &scope(&["/"], &[]), &Common::default(), |_| false, 3);
    assert_eq!((short.differences.len(), short.different), (3, 5));
    // Where one side cannot hold containers, a persistent node counts as equal.
    let old = Common::default().with(Kinds::NONE, false);
    let report = compare(&a, &b, &scope(&["/"], &[]), &old, |_| false, 100);
    let kinds = |line: &String| line.contains(" owner ");
    assert!(!found(&report).iter().any(kinds), "{report:?}");
    let less = compare(
        &a,
        &b,
        &scope(&["/a"], &["/a/b/c"]),
        &Common::default(),
        |path| path == "/a/b",
        9,
    );
    assert_eq!((less.compared, less.different), (1, 0), "{less:?}");
}

#[test]
fn what_the_targets_own_clients_registered_is_no_difference() {
    let owned = |session| NodeStat {
        ephemeral_owner: session,
        ..stat(1)
    };
    let (mut a, mut b) = (tree(&["/g"], 1), tree(&["/g"], 1));
    a.set_session(5, 1000);
    let counted = |cversion| NodeStat { cversion, ..stat(1) };
    a.insert("/g", None, None, counted(3)).unwrap();
    b.insert("/g", None, None, counted(4)).unwrap();
    let all = scope(&["/"], &[]);
    let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/g cversion 3 4"]);
    b.insert("/g/theirs", None, None, owned(6)).unwrap();
    let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
    assert_eq!((report.compared, report.different), (1, 0), "{report:?}");
    b.insert("/g/ours", None, None, owned(5)).unwrap();
    let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/g/ours node absent present"]);
    // Where both sides write, a node that is registered on either belongs on the other as well.
    let both = moved(&[("/", "/")], &[], Direction::Both);
    let report = compare(&a, &b, &both, &Common::default(), |_| false, 9);
    assert_eq!(report.different, 3, "{report:?}");
    // Where B writes, the clients of A may register.
    let back = moved(&[("/", "/")], &[], Direction::BToA);
    let report = compare(&b, &a, &back, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/g/ours node present absent"]);
    // A counter that is behind is a difference, whatever is registered.
    b.insert("/g", None, None, counted(2)).unwrap();
    let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
    assert_eq!(report.different, 2, "{report:?}");
}

#[test]
fn what_is_left_out_counts_all_the_same() {
    let counted = |cversion| NodeStat { cversion, ..stat(1) };
    let (mut a, mut b) = (tree(&["/m", "/m/log", "/m/x"], 1), tree(&["/m", "/m/x"], 1));
    a.insert("/m", None, None, counted(2)).unwrap();
    b.insert("/m", None, None, counted(1)).unwrap();
    let some = scope(&["/m"], &["/m/log"]);
    let behind = |a: &Tree, b: &Tree, routes: &Routes| counters_behind(Side::A, (a, b), routes, |_| true, 9);
    let report = compare(&a, &b, &some, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/m cversion 2 1"]);
    let never = |_: Node<'_>| false;
    assert_eq!(counters_behind(Side::A, (&a, &b), &some, never, 9), ["/m"]);
    assert!(
        counters_behind(Side::B, (&a, &b), &some, never, 9).is_empty(),
        "B writes nothing"
    );
    b.insert("/m", None, None, counted(2)).unwrap();
    assert!(behind(&a, &b, &some).is_empty());
    assert_eq!(
        compare(&a, &b, &some, &Common::default(), |_| false, 9).different,
        0
    );
    // Ahead for no reason is a difference; ahead by a part of its own that is left out is none.
    b.insert("/m", None, None, counted(3)).unwrap();
    let report = compare(&a, &b, &some, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/m cversion 2 3"]);
    b.insert("/m/log", None, None, stat(1)).unwrap();
    assert_eq!(
        compare(&a, &b, &some, &Common::default(), |_| false, 9).different,
        0
    );
}

#[test]
fn of_the_root_itself_only_the_counter_is_kept() {
    let (mut a, mut b) = (tree(&["/x"], 1), tree(&["/x", "/mesolith"], 1));
    let counted = |cversion| NodeStat { cversion, ..stat(1) };
    let all = scope(&["/"], &[]);
    for (on_a, on_b, differs) in [(7, 7, false), (7, 9, false), (7, 6, true)] {
        a.insert("", Some(b"of A"), None, counted(on_a)).unwrap();
        b.insert("", Some(b"of B"), None, counted(on_b)).unwrap();
        let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
        let expected = differs.then(|| format!("/ cversion {on_a} {on_b}"));
        assert_eq!(found(&report), Vec::from_iter(expected));
        assert_eq!(report.compared, 1);
    }
    // What is still to come will count.
    a.insert("/y", None, None, stat(1)).unwrap();
    let report = compare(&a, &b, &all, &Common::default(), |_| false, 9);
    assert_eq!(found(&report), ["/y node present absent"]);
}

#[test]
fn a_root_can_have_another_name_on_the_target() {
    let a = tree(&["/mesos", "/mesos/x"], 1);
    let mut b = tree(&["/new", "/new/mesos"], 1);
    b.insert("/new/mesos", Some(b"/mesos"), None, stat(1)).unwrap();
    b.insert("/new/mesos/x", Some(b"/mesos/x"), None, stat(1))
        .unwrap();
    let routes = moved(&[("/mesos", "/new/mesos")], &[], Direction::AToB);
    let report = compare(&a, &b, &routes, &Common::default(), |_| false, 9);
    assert_eq!((report.compared, report.different), (2, 0), "{report:?}");
    let routes = moved(&[("/mesos", "/missing")], &[], Direction::AToB);
    let report = compare(&a, &b, &routes, &Common::default(), |_| false, 9);
    assert_eq!((report.compared, report.different), (2, 2), "{report:?}");
}

proptest! {
    #[test]
    fn the_walk_finds_what_a_comparison_of_all_paths_finds(
        left in proptest::collection::btree_map("(/[abc]){1,4}", 0..2i32, 0..30),
        right in proptest::collection::btree_map("(/[abc]){1,4}", 0..2i32, 0..30),
    ) {
        let build = |map: &std::collections::BTreeMap<String, i32>| {
            let mut tree = Tree::new();
            for (path, version) in map {
                // A node without its parent is left out.
                let _ = tree.insert(path, None, None, NodeStat { version: *version, ..stat(0) });
            }
            tree
        };
        let (a, b) = (build(&left), build(&right));
        let scope = scope(&["/a", "/b"], &["/a/b"]);
        let all: BTreeSet<_> = a.nodes().chain(b.nodes()).map(|node| node.path()).collect();
        let version = |tree: &Tree, path: &str| tree.get(path).map(|node| node.stored().version);
        let expected: Vec<_> = all
            .iter()
            .filter(|path| scope.locate(Side::A, path).is_some() && version(&a, path) != version(&b, path))
            .cloned()
            .collect();
        let report = compare(&a, &b, &scope, &Common::default(), |_| false, 1000);
        let mut found: Vec<_> = report.differences.into_iter().map(|d| d.path).collect();
        found.sort();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(report.compared, all.iter().filter(|path| scope.locate(Side::A, path).is_some()).count() as u64);
    }
}

/// Prints its figures; run with `--release --ignored --nocapture`.
#[test]
#[ignore = "takes a gigabyte"]
fn a_million_nodes() {
    let mut a = Tree::new();
    for folder in 0..1000 {
        a.insert(&format!("/f{folder}"), None, None, stat(1)).unwrap();
        for n in 0..1000 {
            let path = format!("/f{folder}/node-{n:010}");
            a.insert(&path, Some(&[7; 100]), None, stat(1)).unwrap();
        }
    }
    let mut b = a.clone();
    b.insert("/f500/node-0000000500", None, None, stat(2)).unwrap();
    for _ in 0..3 {
        let begun = Instant::now();
        let report = compare(
            &a,
            &b,
            &scope(&["/"], &["/f7"]),
            &Common::default(),
            |_| false,
            10,
        );
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{} nodes in {seconds:.3} s: {:.0} nodes/s",
            report.compared,
            report.compared as f64 / seconds
        );
        assert_eq!(report.different, 1);
    }
}
