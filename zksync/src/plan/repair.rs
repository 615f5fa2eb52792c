//! Makes a node of the target equal to the source's: after a conflict, after a gap in the history, and when the
//! target is filled.

use mesolith_zk::tree::Node;

use super::count::{behind, count, level};
use super::fit::{again, can_raise, delete, fit, parents, raises, set_acl};
use super::{Common, Expected, Planned, Step, View};

/// Steps that make a node equal to the source's. Nodes below it are not looked at, unless the node has to be deleted.
pub fn repair(path: &str, view: &mut View<'_>) -> Vec<Step> {
    if path == "/" {
        return count(path, view);
    }
    let mut steps = Vec::new();
    if view.held.covers(path) {
        return steps;
    }
    if view
        .source
        .routes
        .locate(view.source.side.other(), path)
        .is_none()
    {
        // It is not kept equal, but may be missing above a root.
        if view.get(path).is_none() && view.source.needs(path) {
            again(path, view, &mut steps);
        }
        return steps;
    }
    let Some(node) = view.source.get(path) else {
        delete(path, view, &mut steps);
        return steps;
    };
    let Some(before) = view.get(path) else {
        again(path, view, &mut steps);
        return steps;
    };
    let is_touched = before.planned != Planned::default();
    if is_touched && view.is_late() {
        // Further changes of the node are still to be planned.
        list(path, node, before, view, &mut steps);
        return steps;
    }
    let kind = |node| view.common.kind(node);
    if view.untouched(path).is_some_and(|now| kind(now) != kind(node)) {
        delete(path, view, &mut steps);
        if view.get(path).is_none() && parents(path, view, &mut steps) {
            again(path, view, &mut steps);
        }
        return steps;
    }
    // Creates that are still to be planned will raise the counter themselves.
    let counted = !view.is_late();
    let stat = node.stored();
    let wanted = (node.data(), node.acl());
    fit(path, wanted, (stat.version, stat.aversion), view, &mut steps);
    view.written_as_now(path);
    if counted {
        level(path, node, view, &mut steps);
    }
    steps
}

/// Sets the list of a node for which something else than a list is planned. No checkpoint says whether its last list
/// has arrived.
fn list(path: &str, node: Node<'_>, expected: Expected, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let now = view.target.get(path).filter(|_| !expected.planned.acl);
    if let Some(now) = now {
        let differs = i32::from(!view.common.same_list(now.acl(), node.acl()));
        let times = raises(node.stored().aversion, expected.aversion, 0).max(differs);
        set_acl(path, node.acl(), times, view, steps);
    }
}

/// Whether a node of the target is not what it should be, as far as writing can change that. `comes`: whether a child that
/// the target lacks is to be made there.
pub fn differs(node: Node<'_>, now: Node<'_>, common: &Common, comes: impl Fn(Node<'_>) -> bool) -> bool {
    differs_itself(node, now, common) || behind(node, now, comes) > 0
}

/// The same without its counter, whatever happens to its children.
pub fn differs_itself(node: Node<'_>, now: Node<'_>, common: &Common) -> bool {
    let (wanted, found) = (node.stored(), now.stored());
    !common.same_data(node.data(), now.data())
        || common.kind(node) != common.kind(now)
        || !common.same_list(node.acl(), now.acl())
        || can_raise(wanted.version, found.version, node.data().map_or(0, <[u8]>::len))
        || can_raise(wanted.aversion, found.aversion, 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesolith_zk::record::{NodeStat, Zxid};
    use mesolith_zk::request::Write;
    use mesolith_zk::tree::Tree;

    use super::super::{Held, Overlay, Refused, Source};
    use super::*;
    use crate::routes::Routes;
    use crate::settings::{Settings, Side};

    fn tree(version: i32, cversion: i32, children: &[&str]) -> Tree {
        let mut tree = Tree::new();
        let stat = NodeStat {
            version,
            cversion,
            ..NodeStat::default()
        };
        let data = format!("of {version}");
        tree.insert("/a", Some(data.as_bytes()), None, stat)
            .expect("the root is there");
        for child in children {
            tree.insert(child, None, None, NodeStat::default())
                .expect("its parent is there");
        }
        tree
    }

    /// Steps to repair `/a` while something else is on its way to the target.
    fn repaired(source: &Tree, target: &Tree, planned: impl Fn(&mut View<'_>)) -> Vec<String> {
        let routes = Routes::new(&Settings::default()).expect("the default paths make sense");
        let (mut current, mut overlay) = (BTreeMap::new(), Overlay::default());
        let mut view = View {
            source: Source {
                tree: source,
                routes: &routes,
                side: Side::A,
            },
            target,
            held: &Held::default(),
            common: &Common::default(),
            refused: &mut Refused::default(),
            largest: usize::MAX,
            current: &mut current,
            overlay: &mut overlay,
            unit: 1,
            zxid: Zxid(0),
            in_multi: false,
        };
        planned(&mut view);
        view.unit = 3;
        let steps = repair("/a", &mut view);
        let say = |step: &Step| match step {
            Step::Write {
                write: Write::SetData { version, .. },
                ..
            } => format!("set over {version}"),
            Step::Write {
                write: Write::Create { path, .. },
                ..
            } => format!("create {path}"),
            Step::Write {
                write: Write::Delete { path, .. },
                ..
            } => format!("delete {path}"),
            other => format!("{other:?}"),
        };
        steps.iter().map(say).collect()
    }

    #[test]
    fn a_node_that_is_always_on_its_way_gets_what_it_lacks() {
        let counter = ["create /a/.mesolith-counter", "delete /a/.mesolith-counter"];
        // Nothing is missing once the child has arrived.
        let create = |view: &mut View<'_>| view.created("/a/x", None);
        assert!(repaired(&tree(3, 5, &["/a/x"]), &tree(3, 4, &[]), create).is_empty());
        // An earlier create is missing.
        assert_eq!(
            repaired(&tree(3, 6, &["/a/x"]), &tree(3, 4, &[]), create),
            counter
        );
        // Two sets are missing.
        assert_eq!(
            repaired(&tree(5, 5, &["/a/x"]), &tree(3, 4, &[]), create),
            ["set over 3", "set over 4"]
        );
        // The last set is on its way and an earlier one is missing. The version is raised after it.
        let set = |view: &mut View<'_>| {
            let before = view.get("/a").expect("it is there");
            view.set("/a", before);
        };
        assert!(repaired(&tree(4, 4, &[]), &tree(3, 4, &[]), set).is_empty());
        assert_eq!(repaired(&tree(5, 4, &[]), &tree(3, 4, &[]), set), ["set over 4"]);
        // A node that was created again counts anew.
        let again = |view: &mut View<'_>| {
            view.created("/a/x", None);
            view.deleted("/a");
            view.created("/a", None);
            view.created("/a/y", None);
        };
        assert!(repaired(&tree(0, 1, &["/a/y"]), &tree(0, 4, &[]), again).is_empty());
        // The node was created with a child a moment ago. The child is on the target by now, and another set of the
        // node is on its way.
        let made = |view: &mut View<'_>| {
            view.created("/a", None);
            view.created("/a/x", None);
            let before = view.get("/a").expect("it will be there");
            view.unit = 2;
            view.set("/a", before);
            view.overlay.done(1);
        };
        assert!(repaired(&tree(1, 1, &["/a/x"]), &tree(0, 1, &["/a/x"]), made).is_empty());
    }
}
