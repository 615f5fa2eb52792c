//! Making a node of the target like the source's: after a conflict, after a gap in the history, and at the beginning.

use mesolith_zk::request::{ANY_VERSION, CreateMode, Write};
use mesolith_zk::tree::Node;

use super::fit::{again, can_raise, delete, fit, parents};
use super::{Common, Step, View};

/// Most create-and-delete pairs that raise one node's counter at once; the rest is found behind the next time.
const PAIRS: i32 = 50_000;

/// Steps that make one node like the source's; what is below it is not looked at, unless it has to go.
pub fn repair(path: &str, view: &mut View<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if view.held.covers(path) {
        return steps;
    }
    let Some(node) = view.source.get(path) else {
        delete(path, view, &mut steps);
        return steps;
    };
    let Some(now) = view.untouched(path) else {
        if view.get(path).is_none() {
            again(path, view, &mut steps);
        }
        return steps;
    };
    if view.common.kind(now) != view.common.kind(node) {
        delete(path, view, &mut steps);
        if parents(path, view, &mut steps) {
            again(path, view, &mut steps);
        }
        return steps;
    }
    // Creates that are still to come count by themselves.
    let counted = !view.is_late() && !view.overlay.collides(path, true);
    let stat = node.stored();
    fit(
        path,
        now,
        (node.data(), node.acl()),
        (stat.version, stat.aversion),
        view,
        &mut steps,
    );
    view.written_as_now(path);
    if counted {
        raise(path, behind(node, now), view, &mut steps);
    }
    steps
}

/// Whether a node of the target is not what it should be, as far as writing can change that.
pub fn differs(node: Node<'_>, now: Node<'_>, common: &Common) -> bool {
    differs_itself(node, now, common) || behind(node, now) > 0
}

/// The same, whatever becomes of its children and so of its counter.
pub fn differs_itself(node: Node<'_>, now: Node<'_>, common: &Common) -> bool {
    let (wanted, found) = (node.stored(), now.stored());
    !common.same_data(node.data(), now.data())
        || common.kind(node) != common.kind(now)
        || !common.same_list(node.acl(), now.acl())
        || can_raise(wanted.version, found.version, node.data().map_or(0, <[u8]>::len))
        || can_raise(wanted.aversion, found.aversion, 0)
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
    // Ephemeral nodes have no children.
    if by <= 0 || view.get(path).is_none_or(|node| node.owner.is_some()) {
        return;
    }
    let child: Box<str> = format!("{path}/.mesolith-counter").into();
    // Left by a run that was cut off between the two.
    delete(&child, view, steps);
    view.deleted(&child);
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
