//! Checks that the contents of both trees allow what the user wants.

use mesolith_zk::tree::{Node, Tree};

use super::servers::flag;
use super::{Facts, Problem};
use crate::checkpoint::Checkpoint;
use crate::settings::{Direction, Side};

/// Most paths that a message names.
const NAMED: usize = 3;

pub(super) fn check(facts: &Facts<'_>) -> Vec<Problem> {
    // An engine that has been here before expects what it finds.
    let known = facts
        .b
        .is_some_and(|b| Checkpoint::read(b, &Checkpoint::path(facts.engine)).is_some());
    let mut problems = Vec::new();
    if !known {
        problems.extend(roots(facts));
    }
    for from in [Side::A, Side::B] {
        if !known && !facts.overwrite {
            problems.extend(not_empty(facts, from));
        }
    }
    problems
}

fn tree<'a>(facts: &Facts<'a>, side: Side) -> Option<&'a Tree> {
    match side {
        Side::A => facts.a,
        Side::B => facts.b,
    }
}

/// Every root must exist on the side that writes. With a typing error in the path the engine would follow nothing,
/// and report that all is well.
fn roots(facts: &Facts<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for route in facts.routes.routes() {
        let (side, root) = match route.direction {
            Direction::BToA => (Side::B, &route.target_root),
            Direction::AToB | Direction::Both => (Side::A, &route.root),
        };
        let Some(tree) = tree(facts, side).filter(|tree| tree.get(root).is_none()) else {
            continue;
        };
        let near = nearest(tree, root);
        let mut names: Vec<_> = near.children().map(|child| child.name()).collect();
        names.sort_unstable();
        names.retain(|name| *name != "zookeeper");
        let there = match &names[..] {
            [] => "has no children".to_owned(),
            names if names.len() > 10 => {
                format!("has {} children, such as {}", names.len(), names[..10].join(", "))
            }
            names => format!("has {}", names.join(", ")),
        };
        problems.push(Problem::new(
            "PathNotFound",
            format!(
                "--paths: {root} does not exist on {}; {} {there}.",
                flag(side),
                near.path()
            ),
            "Check the path; if it will come later, create it there first.",
        ));
    }
    problems
}

/// The deepest existing node above a path.
fn nearest<'t>(tree: &'t Tree, path: &str) -> Node<'t> {
    let mut at = tree.root();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        match at.child(name) {
            Some(child) => at = child,
            None => break,
        }
    }
    at
}

/// Finds what would be lost on the side that follows: nodes that the writing side does not have, and data that
/// differs. Where both sides write, nothing is lost, since each side gets what the other one has.
fn not_empty(facts: &Facts<'_>, from: Side) -> Option<Problem> {
    let side = from.other();
    let (source, target) = (tree(facts, from)?, tree(facts, side)?);
    let mut count = 0usize;
    let mut named = Vec::new();
    for node in target.nodes() {
        let path = node.path();
        let Some(place) = facts.routes.locate(side, &path) else {
            continue;
        };
        let registered = node
            .owner()
            .is_some_and(|owner| !source.sessions().contains_key(&owner));
        let lost = match source.get(&place.there) {
            // A node without data holds nothing; tools create such nodes on the way to others.
            Some(same) => !node.data().unwrap_or_default().is_empty() && same.data() != node.data(),
            None => true,
        };
        if !lost || registered || place.direction.carries_from(side) {
            continue;
        }
        count += 1;
        if named.len() < NAMED {
            named.push(path);
        }
    }
    if count == 0 {
        return None;
    }
    let nodes = if count == 1 { "znode" } else { "znodes" };
    let more = if count > named.len() { ", ..." } else { "" };
    Some(Problem::new(
        "TargetNotEmpty",
        format!(
            "{}: it holds {count} {nodes} in --paths that {} does not have, or has with other data ({}{more}), and {} \
             has never written there.",
            flag(side),
            flag(from),
            named.join(", "),
            facts.engine
        ),
        "Name an empty ensemble, or narrow --paths or --exclude; with --overwrite they are made like the other side's.",
    ))
}
