//! Counters: a node's `cversion` is the number of creates right below it, ever, and names its next sequential child.
//!
//! A create counts on the source whether the new node is carried or not: it may be excluded, refused by the target, or an
//! ensemble's own. The target's counter is kept in step: otherwise sequential creates there would be given names that
//! exist, again and again. Only creates raise a counter, so a child is made and deleted for each that is missing.

use mesolith_zk::request::{ANY_VERSION, CreateMode, Write};
use mesolith_zk::tree::Node;

use super::fit::delete;
use super::{COUNTER, Step, View};

/// Most create-and-delete pairs that raise one node's counter at once; the rest follows the next time.
const PAIRS: i32 = 50_000;

/// Steps that bring a node's counter to the source's, by the target's name.
pub fn count(path: &str, view: &mut View<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    // Creates that are still to be planned count by themselves.
    if !view.is_late()
        && !view.held.covers(path)
        && let Some(node) = view.source.counted(path)
    {
        level(path, node, view, &mut steps);
    }
    steps
}

/// The same for a node of the source that is already found.
pub(super) fn level(path: &str, node: Node<'_>, view: &mut View<'_>, steps: &mut Vec<Step>) {
    raise(path, to_raise(path, node, view), view, steps);
}

/// Counts a node that the source has made and that is not carried. It counts once on either side, like a carried one.
pub(super) fn uncarried(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let source = view.source;
    let Some(place) = source.routes.counts_there(source.side, path) else {
        return;
    };
    let parent = &*place.there;
    if !view.held.covers(parent) && !view.is_current(parent) {
        raise(parent, 1, view, steps);
    }
}

/// By how much the target's counter is behind once every child that comes is there as well.
pub fn behind(node: Node<'_>, now: Node<'_>, comes: impl Fn(Node<'_>) -> bool) -> i32 {
    let gap = node.stored().cversion.wrapping_sub(now.stored().cversion);
    if gap <= 0 {
        return 0;
    }
    let missing = node.children().filter(|child| now.child(child.name()).is_none());
    less(gap, missing.filter(|child| comes(*child)).count())
}

/// The same for the target as it will be once everything planned is written.
fn to_raise(path: &str, node: Node<'_>, view: &View<'_>) -> i32 {
    let gap = node.stored().cversion.wrapping_sub(view.cversion(path));
    if gap <= 0 {
        return 0;
    }
    let above = path.trim_end_matches('/');
    let comes = |child: &Node<'_>| view.comes(&format!("{above}/{}", child.name()));
    less(gap, node.children().filter(comes).count())
}

fn less(gap: i32, to_come: usize) -> i32 {
    gap.saturating_sub(i32::try_from(to_come).unwrap_or(i32::MAX))
}

/// Raises a node's counter, which only creates can do.
fn raise(path: &str, by: i32, view: &mut View<'_>, steps: &mut Vec<Step>) {
    // Ephemeral nodes have no children.
    if by <= 0 || view.get(path).is_none_or(|node| node.owner.is_some()) {
        return;
    }
    let child: Box<str> = format!("{}/{COUNTER}", path.trim_end_matches('/')).into();
    // A run that ended between a create and its delete has left this child.
    delete(&child, view, steps);
    let create = Write::Create {
        path: child.clone(),
        data: None,
        acl: None,
        mode: CreateMode::Persistent,
    };
    if view.get(&child).is_some() || !view.admits(&create) {
        return;
    }
    view.deleted(&child);
    view.counted(path, by.min(PAIRS));
    for _ in 0..by.min(PAIRS) {
        steps.push(Step::write(create.clone()));
        steps.push(Step::write(Write::Delete {
            path: child.clone(),
            version: ANY_VERSION,
        }));
    }
}
