//! Making a node of the target like the source's: after a conflict, after a gap in the history, and at the beginning.

use mesolith_zk::request::{ANY_VERSION, CreateMode, Write};
use mesolith_zk::tree::{Node, Tree};

use super::replay::{again, delete, fit, parents, same_acl};
use super::{Step, View, create_like, kind};
use crate::Scope;

/// Most create-and-delete pairs that raise one node's counter at once; the rest is found behind the next time.
const PAIRS: i32 = 50_000;

/// Steps that make one node like the source's; what is below it is not looked at, unless it has to go.
pub fn repair(path: &str, source: &Tree, view: &mut View<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(node) = source.get(path) else {
        delete(path, view, &mut steps);
        return steps;
    };
    let Some(now) = view.untouched(path) else {
        if view.get(path).is_none() {
            again(path, source, view, &mut steps);
        }
        return steps;
    };
    if kind(now) != kind(node) {
        delete(path, view, &mut steps);
        parents(path, source, view, &mut steps);
        view.created(path);
        steps.push(create_like(path, node));
        return steps;
    }
    fit(path, now, (node.data(), node.acl()), view, &mut steps);
    raise(path, behind(node, now), view, &mut steps);
    steps
}

/// By how much the target's sequence counter is behind once every child of the source is there as well.
fn behind(node: Node<'_>, now: Node<'_>) -> i32 {
    let gap = node.stored().cversion.wrapping_sub(now.stored().cversion);
    if gap <= 0 {
        return 0;
    }
    let to_come = node
        .children()
        .filter(|child| now.child(child.name()).is_none())
        .count();
    gap - i32::try_from(to_come).unwrap_or(i32::MAX)
}

/// Counts up a node's creates, which nothing but a create does.
fn raise(path: &str, by: i32, view: &mut View<'_>, steps: &mut Vec<Step>) {
    if by <= 0 {
        return;
    }
    let child: Box<str> = format!("{path}/.mesolith-counter").into();
    // Left by a run that was cut off between the two.
    delete(&child, view, steps);
    for _ in 0..by.min(PAIRS) {
        steps.push(Step::write(Write::Create {
            path: child.clone(),
            data: None,
            acl: None,
            mode: CreateMode::Persistent,
        }));
        steps.push(Step::write(Write::Delete {
            path: child.clone(),
            version: ANY_VERSION,
        }));
    }
}

/// Every node that differs, in an order in which repairing them one by one works: parents before their children, and of
/// what only the target has just the topmost. Counters of new nodes show only once these are there, so ask again until
/// nothing differs.
pub fn differing(source: &Tree, target: &Tree, scope: &Scope) -> Vec<Box<str>> {
    let mut paths = Vec::new();
    for node in target.nodes() {
        let path = node.path();
        let foreign = node
            .owner()
            .is_some_and(|owner| !source.sessions().contains_key(&owner));
        if scope.contains(&path) && !foreign && source.get(&path).is_none() {
            let inside = super::parent(&path)
                .is_some_and(|above| scope.contains(above) && source.get(above).is_none());
            if !inside {
                paths.push(path.into());
            }
        }
    }
    for node in source.nodes() {
        let path = node.path();
        if !scope.contains(&path) {
            continue;
        }
        let differs = target.get(&path).is_none_or(|now| {
            now.data() != node.data()
                || kind(now) != kind(node)
                || !same_acl(now.acl(), node.acl())
                || behind(node, now) > 0
        });
        if differs {
            paths.push(path.into());
        }
    }
    paths
}
