//! Where two ensembles differ, within a scope.
//!
//! Compared: data, access control list, owner (which says container and TTL nodes too), `version`, `cversion`, `aversion`.
//! Not compared: times and zxids, which are each ensemble's own. Nodes that clients of the side that follows registered there
//! (ephemeral ones of a session that the other side does not have) are no difference, and while there are some, their
//! parent's counter may be ahead; so it may where that side has a node that is not kept equal, such as an excluded one. Of
//! the root itself the counter is compared, and must not be behind.
//!
//! Both trees are walked together, node by node. So no path has to be built for nodes that are equal.

mod fresh;
mod show;
#[cfg(test)]
mod tests;
mod walk;

pub use fresh::{Error, Fresh, fresh};

use mesolith_zk::tree::{Node, Tree};

use crate::Routes;
use crate::handle::{DiffReport, Difference};
use crate::plan::{Common, behind};
use crate::settings::{Direction, Route, Side};
use walk::Walk;

/// Compares both trees below the routes' roots. `skip` is asked about every node in scope, by A's name; the children
/// of a skipped node are still compared. All differences are counted, and at most `limit` are named.
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
            let only_counter = found.place.is_none();
            if only_counter && routes.counted(Side::A, found.path).is_none() {
                continue;
            }
            let pair = Pair {
                trees: (a, b),
                nodes: found.nodes,
                direction: found.place.unwrap_or(route.direction),
                routes,
                common,
                only_counter,
            };
            if skip(found.path) || pair.is_foreign() {
                continue;
            }
            report.compared += u64::from(!only_counter);
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

/// Nodes whose counters are behind those of a side that writes them, by that side's names. `comes`: whether a child of it
/// that the other side lacks is to be made there.
pub fn counters_behind(
    from: Side,
    trees: (&Tree, &Tree),
    routes: &Routes,
    comes: impl Fn(Node<'_>) -> bool,
    limit: usize,
) -> Vec<String> {
    let mut found = Vec::new();
    let carried = |route: &&Route| route.direction.carries_from(from);
    for route in routes.routes().iter().filter(carried) {
        let (a, b) = trees;
        let mut walk = Walk::new(&route.root, a.get(&route.root), b.get(&route.target_root));
        while let Some(next) = walk.next(|path| routes.counted(Side::A, path).map(drop)) {
            let (Some(x), Some(y)) = next.nodes else { continue };
            let (node, now) = if from == Side::A { (x, y) } else { (y, x) };
            if behind(node, now, &comes) > 0 {
                found.push(node.path());
            }
            if found.len() >= limit {
                return found;
            }
        }
    }
    found
}

/// A node of A and what should be the same on B.
#[derive(Debug, Clone, Copy)]
struct Pair<'t> {
    trees: (&'t Tree, &'t Tree),
    nodes: (Option<Node<'t>>, Option<Node<'t>>),
    direction: Direction,
    routes: &'t Routes,
    common: &'t Common,
    /// The root itself: nothing else of it is kept equal.
    only_counter: bool,
}

impl<'t> Pair<'t> {
    /// By A's name; `None` if it is not kept equal.
    fn find(a: &'t Tree, b: &'t Tree, routes: &'t Routes, common: &'t Common, path: &str) -> Option<Self> {
        let place = routes.counted(Side::A, path)?;
        Some(Self {
            trees: (a, b),
            nodes: (a.get(path), b.get(&place.there)),
            direction: place.direction,
            routes,
            common,
            only_counter: routes.locate(Side::A, path).is_none(),
        })
    }

    /// Whether the node was registered by a client of a side that nothing is carried from.
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
            _ if self.only_counter => !self.root_is_behind(),
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

    /// Whether the counters are equal, or one is ahead by what is that side's own.
    fn same_counter(&self, x: Node<'t>, y: Node<'t>) -> bool {
        let ahead = y.stored().cversion.wrapping_sub(x.stored().cversion);
        let own = |side, nodes, node| self.is_own(side, node) || Pair { nodes, ..*self }.is_foreign();
        match ahead {
            0 => true,
            1.. => y
                .children()
                .any(|node| own(Side::B, (x.child(node.name()), Some(node)), node)),
            _ => x
                .children()
                .any(|node| own(Side::A, (Some(node), y.child(node.name())), node)),
        }
    }

    /// A node that is not kept equal, of a side from which nothing is carried.
    fn is_own(&self, side: Side, node: Node<'_>) -> bool {
        !self.direction.carries_from(side) && self.routes.locate(side, &node.path()).is_none()
    }

    /// Whether the root's counter is behind where it follows. It may be ahead by what an ensemble keeps about itself.
    fn root_is_behind(&self) -> bool {
        let (Some(x), Some(y)) = self.nodes else {
            return false;
        };
        let comes = |from| move |node: Node<'_>| self.routes.carried(from, &node.path()).is_some();
        let carries = |from| self.direction.carries_from(from);
        (carries(Side::A) && behind(x, y, comes(Side::A)) > 0)
            || (carries(Side::B) && behind(y, x, comes(Side::B)) > 0)
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
