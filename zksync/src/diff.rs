//! Where two ensembles differ, within a scope.
//!
//! Compared: data, access control list, owner (which says container and TTL nodes too), `version`, `cversion`, `aversion`.
//! Not compared: times and zxids, which are each ensemble's own. Nodes that clients of the side that follows registered there
//! (ephemeral ones of a session that the other side does not have) are no difference, and while there are some, their
//! parent's counter may be ahead.
//!
//! Both trees are walked together by node, so what is equal costs no path of its own.

mod fresh;
mod show;
#[cfg(test)]
mod tests;
mod walk;

pub use fresh::{Error, Fresh, fresh};

use mesolith_zk::tree::{Node, Tree};

use crate::Routes;
use crate::handle::{DiffReport, Difference};
use crate::plan::Common;
use crate::settings::{Direction, Side};
use walk::Walk;

/// Compares both trees below the routes' roots. `skip` is asked about every node in scope by A's name (its children are
/// compared all the same); at most `limit` differences are named, all are counted.
pub fn compare(
    a: &Tree,
    b: &Tree,
    routes: &Routes,
    common: &Common,
    skip: impl Fn(&str) -> bool,
    limit: usize,
) -> DiffReport {
    let mut report = DiffReport {
        zxid: a.last_zxid().to_string(),
        ..DiffReport::default()
    };
    for route in routes.routes() {
        let mut walk = Walk::new(&route.root, a.get(&route.root), b.get(&route.target_root));
        let direction = |path: &str| routes.locate(Side::A, path).map(|place| place.direction);
        while let Some(found) = walk.next(direction) {
            let Some(direction) = found.place else {
                continue;
            };
            let pair = Pair {
                trees: (a, b),
                nodes: found.nodes,
                direction,
                common,
            };
            if skip(found.path) || pair.is_foreign() {
                continue;
            }
            report.compared += 1;
            if pair.is_same() {
                continue;
            }
            report.different += 1;
            let room = limit.saturating_sub(report.differences.len());
            if room > 0 {
                let named = show::differences(&pair, found.path);
                report.differences.extend(named.into_iter().take(room));
            }
        }
    }
    report
}

/// A node of A and what should be the same on B.
#[derive(Debug, Clone, Copy)]
struct Pair<'t> {
    trees: (&'t Tree, &'t Tree),
    nodes: (Option<Node<'t>>, Option<Node<'t>>),
    direction: Direction,
    common: &'t Common,
}

impl<'t> Pair<'t> {
    /// By A's name; `None` if it is not kept equal.
    fn find(a: &'t Tree, b: &'t Tree, routes: &Routes, common: &'t Common, path: &str) -> Option<Self> {
        let place = routes.locate(Side::A, path)?;
        Some(Self {
            trees: (a, b),
            nodes: (a.get(path), b.get(&place.there)),
            direction: place.direction,
            common,
        })
    }

    /// Nodes that a client of one side registered there, where nothing is carried from that side.
    fn is_foreign(&self) -> bool {
        let (node, from, other) = match self.nodes {
            (Some(node), None) => (node, Side::A, self.trees.1),
            (None, Some(node)) => (node, Side::B, self.trees.0),
            _ => return false,
        };
        !self.direction.carries_from(from)
            && node
                .owner()
                .is_some_and(|owner| !other.sessions().contains_key(&owner))
    }

    fn is_same(&self) -> bool {
        match self.nodes {
            (None, None) => true,
            (Some(x), Some(y)) => {
                let (s, t) = (x.stored(), y.stored());
                (s.version, s.aversion) == (t.version, t.aversion)
                    && self.common.kind(x) == self.common.kind(y)
                    && self.same_counter(x, y)
                    && self.common.same_data(x.data(), y.data())
                    && x.acl() == y.acl()
            }
            _ => false,
        }
    }

    /// Whether the counters are equal, or one is ahead by what that side's own clients registered.
    fn same_counter(&self, x: Node<'t>, y: Node<'t>) -> bool {
        let ahead = y.stored().cversion.wrapping_sub(x.stored().cversion);
        let child = |nodes| Pair { nodes, ..*self }.is_foreign();
        match ahead {
            0 => true,
            1.. => y.children().any(|node| child((x.child(node.name()), Some(node)))),
            _ => x.children().any(|node| child((Some(node), y.child(node.name())))),
        }
    }
}

/// One differing field.
fn difference(path: &str, field: &str, a: String, b: String) -> Difference {
    Difference {
        path: path.to_owned(),
        field: field.to_owned(),
        a,
        b,
    }
}
