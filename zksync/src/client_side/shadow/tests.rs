//! Reads in every order, and the tree that results from them.

use super::*;

fn shadow() -> Shadow {
    Shadow::building(Tree::unfilled(), Roots::new(&["/".to_owned()]))
}

fn node(czxid: i64, version: i32, data: Option<&str>, children: Option<&[&str]>) -> Node {
    let stat = NodeStat {
        czxid: Zxid(czxid),
        mzxid: Zxid(czxid + i64::from(version)),
        version,
        ..NodeStat::default()
    };
    Node {
        stat,
        children_count: children.map_or(0, |children| i32::try_from(children.len()).unwrap()),
        children: children.map(|children| children.iter().map(|name| (*name).to_owned()).collect()),
        data: data.map(|data| data.as_bytes().to_vec()),
        acl: data.map(|_| Vec::new()),
    }
}

fn read(shadow: &mut Shadow, path: &str, node: Option<Node>) -> (Vec<String>, Vec<String>) {
    let mut effect = Effect::default();
    shadow.read(path, node, &mut effect);
    let changed = effect.changed.iter().map(ToString::to_string).collect();
    let asked = effect
        .ask
        .iter()
        .map(|(path, want)| format!("{path} {}", u8::from(want.data)));
    (changed, asked.collect())
}

#[test]
fn children_that_nobody_read_are_asked_for_and_others_go() {
    let mut shadow = shadow();
    let (_, asked) = read(&mut shadow, "/", Some(node(0, 0, Some(""), Some(&["a", "b"]))));
    assert_eq!(asked, ["/a 1", "/b 1"]);
    read(&mut shadow, "/a", Some(node(5, 0, Some("x"), Some(&["c"]))));
    read(&mut shadow, "/a/c", Some(node(6, 0, Some("x"), Some(&[]))));
    let (changed, asked) = read(&mut shadow, "/", Some(node(0, 0, Some(""), Some(&["b"]))));
    assert_eq!(
        (changed, asked),
        (vec!["/a".into(), "/a/c".into()], vec!["/b 1".into()])
    );
    assert_eq!(shadow.tree.len(), 1);
}

#[test]
fn newer_data_is_asked_for_and_the_same_is_no_change() {
    let mut shadow = shadow();
    read(&mut shadow, "/a", Some(node(5, 0, Some("x"), Some(&[]))));
    assert_eq!(
        read(&mut shadow, "/a", Some(node(5, 0, Some("x"), None))).0,
        [""; 0]
    );
    let (changed, asked) = read(&mut shadow, "/a", Some(node(5, 1, None, None)));
    assert_eq!((changed, asked), (vec![], vec!["/a 1".to_owned()]));
    assert_eq!(
        read(&mut shadow, "/a", Some(node(5, 1, Some("y"), None))).0,
        ["/a"]
    );
    assert_eq!(shadow.tree.get("/a").unwrap().data(), Some(&b"y"[..]));
}

#[test]
fn a_node_made_anew_loses_what_was_below_the_old_one() {
    let mut shadow = shadow();
    read(&mut shadow, "/a", Some(node(5, 0, Some("x"), Some(&["c"]))));
    read(&mut shadow, "/a/c", Some(node(6, 0, Some("x"), Some(&[]))));
    let (changed, _) = read(&mut shadow, "/a", Some(node(9, 0, Some("x"), None)));
    assert_eq!(changed, ["/a", "/a/c", "/a"]);
    assert!(shadow.tree.get("/a/c").is_none());
}

#[test]
fn a_counter_is_never_ahead_of_the_children() {
    let mut shadow = Shadow::live(Tree::unfilled(), Roots::new(&["/".to_owned()]));
    read(&mut shadow, "/a", Some(node(5, 0, Some("x"), Some(&[]))));
    let counter = |shadow: &Shadow| shadow.tree.get("/a").unwrap().stored().cversion;
    let mut stat = node(5, 0, None, None);
    (stat.stat.cversion, stat.children_count) = (3, 1);
    let mut effect = Effect::default();
    shadow.read("/a", Some(stat.clone()), &mut effect);
    assert_eq!((counter(&shadow), effect.later.len()), (2, 1));
    read(&mut shadow, "/a/c", Some(node(6, 0, Some("x"), Some(&[]))));
    let (changed, _) = read(&mut shadow, "/a", Some(stat));
    assert_eq!((counter(&shadow), changed), (3, vec!["/a".to_owned()]));
}
