//! The rules of the tree, one by one, and against a plain model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::record::{Create, CreateKind, Op, SetData, Txn, TxnHeader};

fn txn(zxid: i64, session: i64, op: Op) -> Txn {
    Txn {
        header: TxnHeader {
            session,
            cxid: 0,
            zxid: Zxid(zxid),
            time: zxid * 10,
            kind: op.code(),
        },
        op,
        digest: None,
    }
}

fn create(path: &str, ephemeral: bool, counter: i32) -> Op {
    Op::Create(Create {
        path: path.into(),
        data: Some(path.as_bytes().to_vec().into()),
        acl: None,
        kind: CreateKind::Plain { ephemeral },
        parent_cversion: Some(counter),
    })
}

fn delete(path: &str) -> Op {
    Op::Delete { path: path.into() }
}

fn recomputed(tree: &Tree) -> u64 {
    let mut copy = Tree::unfilled();
    for node in tree.nodes() {
        copy.insert(&node.stored_path(), node.data(), node.acl(), node.stored())
            .unwrap();
    }
    copy.digest()
}

#[test]
fn creates_count_and_deletes_do_not() {
    let mut tree = Tree::new();
    tree.apply(&txn(1, 7, create("/a", false, 1)));
    tree.apply(&txn(2, 7, create("/a/b", false, 1)));
    tree.apply(&txn(3, 7, create("/a/c", true, 2)));
    tree.apply(&txn(4, 7, delete("/a/b")));
    let a = tree.get("/a").unwrap();
    assert_eq!((a.stored().cversion, a.stored().pzxid), (2, Zxid(4)));
    assert_eq!((a.stat().node.cversion, a.stat().num_children), (3, 1));
    assert_eq!(tree.get("/a/c").unwrap().owner(), Some(7));
    assert_eq!(tree.last_zxid(), Zxid(4));
    assert_eq!(tree.digest(), recomputed(&tree));
}

#[test]
fn a_closed_session_takes_its_nodes_with_it() {
    let mut tree = Tree::new();
    tree.apply(&txn(1, 7, Op::CreateSession { timeout: 4000 }));
    tree.apply(&txn(2, 7, create("/e", true, 1)));
    tree.apply(&txn(3, 7, create("/p", false, 2)));
    assert_eq!(tree.sessions().get(&7), Some(&4000));
    tree.apply(&txn(4, 7, Op::CloseSession { paths: None }));
    assert!(tree.get("/e").is_none() && tree.get("/p").is_some());
    assert!(tree.sessions().is_empty());
    assert_eq!(tree.ephemerals(7).count(), 0);
    assert_eq!(tree.root().stored().pzxid, Zxid(4));
}

#[test]
fn what_was_read_can_be_taken_out_again() {
    let mut tree = Tree::new();
    tree.apply(&txn(1, 7, Op::CreateSession { timeout: 4000 }));
    tree.apply(&txn(2, 7, create("/a", false, 1)));
    tree.apply(&txn(3, 7, create("/a/e", true, 1)));
    let (before, above) = (tree.len(), tree.root().stored());
    ["/a", "/a", "/"].into_iter().for_each(|path| tree.prune(path));
    assert_eq!((tree.len(), tree.root().stored()), (before - 2, above));
    assert_eq!(tree.ephemerals(7).count(), 0);
    assert_eq!(tree.digest(), recomputed(&tree));
    tree.forget_session(7);
    assert!(tree.sessions().is_empty());
}

#[test]
fn a_failed_multi_changes_nothing() {
    let mut tree = Tree::new();
    let before = tree.digest();
    let failed = Op::Multi(vec![create("/a", false, 1), Op::Error { code: -101 }]);
    tree.apply(&txn(1, 7, failed));
    assert!(tree.get("/a").is_none());
    assert_eq!(tree.digest(), before);
    tree.apply(&txn(
        2,
        7,
        Op::Multi(vec![create("/a", false, 1), create("/a/b", false, 1)]),
    ));
    assert!(tree.get("/a/b").is_some());
}

#[test]
fn lists_are_kept_once_and_dropped_with_their_last_node() {
    let mut tree = Tree::new();
    let mut list = vec![Acl::open()];
    list[0].perms = 1;
    for (n, path) in ["/a", "/b"].iter().enumerate() {
        tree.apply(&txn(n as i64 + 1, 7, create(path, false, n as i32 + 1)));
        let (path, acl) = ((*path).into(), Some(list.clone()));
        tree.apply(&txn(
            9,
            7,
            Op::SetAcl {
                path,
                acl,
                version: 1,
            },
        ));
    }
    assert_eq!(tree.acl_table().count(), 1);
    assert_eq!(tree.get("/b").unwrap().acl(), Some(&*list));
    tree.apply(&txn(10, 7, delete("/a")));
    assert_eq!(tree.acl_table().count(), 1);
    tree.apply(&txn(11, 7, delete("/b")));
    assert_eq!(tree.acl_table().count(), 0);
}

#[test]
fn a_fuzzy_snapshot_becomes_exact() {
    // The tree already holds what transactions 3 to 5 did.
    let history = [
        txn(1, 7, create("/a", false, 1)),
        txn(2, 7, create("/a/x", false, 1)),
        txn(3, 7, delete("/a/x")),
        txn(4, 7, delete("/a")),
        txn(5, 7, create("/a", false, 2)),
        txn(6, 7, create("/a/y", false, 1)),
    ];
    let mut exact = Tree::new();
    history.iter().for_each(|t| _ = exact.apply(t));
    let mut fuzzy = Tree::new();
    history.iter().for_each(|t| _ = fuzzy.apply(t));
    history[2..].iter().for_each(|t| _ = fuzzy.apply(t));
    assert_eq!(exact.differences(&fuzzy, 10), []);
    assert_eq!(exact.digest(), fuzzy.digest());
}

#[test]
fn what_is_shared_is_still_of_each_tree() {
    let mut a = Tree::new();
    a.apply(&txn(1, 7, create("/a", false, 1)));
    a.apply(&txn(2, 7, create("/b", false, 2)));
    let mut b = Tree::new();
    b.apply(&txn(5, 7, create("/b", false, 1)));
    b.apply(&txn(6, 7, create("/a", false, 2)));
    let before = (b.digest(), b.clone());
    let place = |tree: &Tree, path: &str| tree.get(path).unwrap().place();
    let shared = |a: &Tree, b: &Tree, path: &str| a.get(path).unwrap().shares_with(b.get(path).unwrap());
    // Nodes that are not equal, and places without a node, are left as they are.
    b.share(place(&b, "/b"), a.get("/a").unwrap());
    b.share(99, a.get("/a").unwrap());
    b.share(place(&b, "/a"), a.get("/a").unwrap());
    assert!(shared(&a, &b, "/a") && !shared(&a, &b, "/b"));
    assert_eq!(b.differences(&before.1, 10), []);
    assert_eq!(b.digest(), before.0);
    let set = SetData {
        path: "/a".into(),
        data: None,
        version: 1,
    };
    a.apply(&txn(3, 7, Op::SetData(set)));
    assert!(!shared(&a, &b, "/a"));
    assert_eq!(b.get("/a").unwrap().data(), Some(b"/a".as_slice()));
    assert_eq!(a.get("/a").unwrap().data(), None);
    b.apply(&txn(7, 7, delete("/a")));
    b.share(place(&before.1, "/a"), before.1.get("/a").unwrap());
    assert!(b.get("/a").is_none());
    assert_eq!((a.digest(), b.digest()), (recomputed(&a), recomputed(&b)));
}

#[test]
fn differences_are_located() {
    let mut a = Tree::new();
    a.apply(&txn(1, 7, create("/a", false, 1)));
    let mut b = a.clone();
    b.apply(&txn(2, 7, create("/b", false, 2)));
    let set = SetData {
        path: "/a".into(),
        data: None,
        version: 1,
    };
    b.apply(&txn(3, 7, Op::SetData(set)));
    let found: Vec<_> = a
        .differences(&b, 100)
        .iter()
        .map(|d| format!("{} {}", d.path, d.field))
        .collect();
    let expected = [
        "/ pzxid",
        "/ cversion",
        "/a data",
        "/a mzxid",
        "/a mtime",
        "/a version",
        "/b node",
    ];
    assert_eq!(found, expected);
}

proptest! {
    /// Random creates and deletes against a map of paths.
    #[test]
    fn the_arena_is_a_map_of_paths(steps in proptest::collection::vec((any::<bool>(), "(/[ab]){1,4}"), 0..60)) {
        let mut tree = Tree::new();
        let mut model: BTreeMap<String, i64> = BTreeMap::new();
        for (zxid, (add, path)) in (1..).zip(steps) {
            let above = path.rsplit_once('/').unwrap().0.to_owned();
            if add {
                tree.apply(&txn(zxid, 0, create(&path, false, i32::try_from(zxid).unwrap())));
                if (above.is_empty() || model.contains_key(&above)) && !model.contains_key(&path) {
                    model.insert(path, zxid);
                }
            } else {
                tree.apply(&txn(zxid, 0, delete(&path)));
                model.retain(|p, _| *p != path && !p.starts_with(&format!("{path}/")));
            }
            let mut found: Vec<_> = tree.nodes().map(|n| (n.path(), n.stored().czxid.0)).collect();
            found.retain(|(p, _)| p != "/" && !p.starts_with("/zookeeper"));
            found.sort();
            prop_assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(tree.len(), model.len() + 4);
            prop_assert_eq!(tree.digest(), recomputed(&tree));
            for node in tree.nodes() {
                prop_assert_eq!(node.children().count(), node.stat().num_children as usize);
            }
        }
    }
}
