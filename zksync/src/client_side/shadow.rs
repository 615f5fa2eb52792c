//! A copy of the tree that is kept from reads, in the order of their replies. Pure.
//!
//! All reads of a link come through one session, so a later reply never shows an older state. Some reads do not fit
//! the tree: a child that was not read yet, or data that is newer than the rest of the node. Then the missing part is
//! read as well; nothing is guessed.

use std::collections::{BTreeSet, HashMap, HashSet};

use mesolith_zk::record::{NodeStat, Zxid};
use mesolith_zk::tree::{self, Tree};

use super::read::{Node, Want};
use super::roots::Roots;

#[cfg(test)]
mod tests;

/// The effect of one read.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// Nodes that may differ from before, parents before their children.
    pub(super) changed: Vec<Box<str>>,
    /// Nodes that have to be read as well.
    pub(super) ask: Vec<(Box<str>, Want)>,
    /// Nodes that have to be read after those.
    pub(super) later: Vec<(Box<str>, Want)>,
    /// Sessions that have lost a node.
    pub(super) bereft: BTreeSet<i64>,
}

/// How often a node's stat is read again for children that the tree lacks. Some children may never be readable.
const PATIENCE: u8 = 50;

#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) tree: Tree,
    roots: Roots,
    /// Nodes with children that were not read yet, and how often their stat was read because of that. `None` while
    /// the tree is built and nobody uses it yet.
    short: Option<HashMap<Box<str>, u8>>,
}

impl Shadow {
    /// A tree that is still to be filled.
    pub(super) fn building(tree: Tree, roots: Roots) -> Self {
        let short = None;
        Self { tree, roots, short }
    }

    /// A tree that is used while it changes.
    pub(super) fn live(tree: Tree, roots: Roots) -> Self {
        let short = Some(HashMap::new());
        Self { tree, roots, short }
    }

    /// Takes over from an earlier tree what clients cannot see, for the nodes that both have.
    pub(super) fn know(&mut self, earlier: &Tree) {
        for old in earlier.nodes() {
            let stat = old.stored();
            if !is_mark(&stat) && old.data().is_some() {
                continue;
            }
            let path = old.path();
            let Some(node) = self
                .tree
                .get(&path)
                .filter(|node| node.stored().czxid == stat.czxid)
            else {
                continue;
            };
            let mut now = node.stored();
            if is_mark(&stat) {
                now.ephemeral_owner = stat.ephemeral_owner;
            }
            let is_null = old.data().is_none() && now.mzxid == stat.mzxid;
            let data = node.data().filter(|_| !is_null).map(<[u8]>::to_vec);
            let acl = node.acl().map(<[_]>::to_vec);
            // The path comes from the tree itself, so this cannot fail.
            let _ = self.tree.insert(&path, data.as_deref(), acl.as_deref(), now);
        }
    }

    /// Applies the result of reading one node; `None` means that it does not exist.
    pub(super) fn read(&mut self, path: &str, node: Option<Node>, effect: &mut Effect) {
        if !self.roots.reach(path) {
            return;
        }
        let Some(mut node) = node else {
            return self.gone(path, effect);
        };
        self.count_known(path, &mut node, effect);
        let seen = node.stat.czxid.max(node.stat.mzxid).max(node.stat.pzxid);
        self.tree.set_last_zxid(self.tree.last_zxid().max(seen));
        let before = self.tree.get(path).map(|now| now.stored());
        match before {
            Some(before) if before.czxid == node.stat.czxid || before.czxid == Zxid(0) => {
                self.again(path, before, node, effect);
            }
            // The root is never created again; an empty tree has just not read it yet.
            Some(_) if path != "/" => {
                self.gone(path, effect);
                self.new_node(path, node, effect);
            }
            _ => self.new_node(path, node, effect),
        }
    }

    /// Lowers the counter by the children that the tree lacks, and asks to read the node again after those children.
    /// Otherwise the counter would look like one that the other side has to raise.
    fn count_known(&mut self, path: &str, node: &mut Node, effect: &mut Effect) {
        let inside = self.roots.hold(path);
        let Some(short) = self.short.as_mut().filter(|_| inside) else {
            return;
        };
        let known = self.tree.get(path).map_or(0, |now| match &node.children {
            Some(children) => children.iter().filter(|name| now.child(name).is_some()).count(),
            None => now.children().count(),
        });
        let unknown = node.children_count - i32::try_from(known).unwrap_or(i32::MAX);
        if unknown <= 0 {
            short.remove(path);
            return;
        }
        node.stat.cversion = node.stat.cversion.wrapping_sub(unknown);
        let tries = short.entry(path.into()).or_default();
        if *tries < PATIENCE {
            *tries += 1;
            effect.later.push((path.into(), Want::STAT));
        }
    }

    fn gone(&mut self, path: &str, effect: &mut Effect) {
        let Some(node) = self.tree.get(path) else {
            return;
        };
        let mut below = vec![node];
        let mut at = 0;
        while let Some(node) = below.get(at).copied() {
            below.extend(node.children());
            at += 1;
        }
        for node in below {
            effect.changed.push(node.path().into());
            effect.bereft.extend(node.owner());
        }
        self.tree.prune(path);
    }

    fn new_node(&mut self, path: &str, node: Node, effect: &mut Effect) {
        let (Some(data), Some(acl)) = (&node.data, &node.acl) else {
            effect.ask.push((path.into(), Want::ALL));
            return;
        };
        if let Err(tree::Error::NoParent { .. }) = self.tree.insert(path, Some(data), Some(acl), node.stat) {
            // The node is read again as a child that is not known yet.
            let above = path.rsplit_once('/').map_or("/", |(above, _)| above);
            let above = if above.is_empty() { "/" } else { above };
            effect.ask.push((above.into(), Want::ALL));
            return;
        }
        effect.changed.push(path.into());
        match node.children {
            Some(children) => self.children(path, children, effect),
            None if node.children_count > 0 => effect.ask.push((path.into(), Want::CHILDREN)),
            None => {}
        }
    }

    /// Updates a node that was not created again.
    fn again(&mut self, path: &str, before: NodeStat, node: Node, effect: &mut Effect) {
        let mut stat = node.stat;
        if stat.ephemeral_owner == 0 && is_mark(&before) {
            stat.ephemeral_owner = before.ephemeral_owner;
        }
        let mut missing = Want::STAT;
        if node.data.is_none() && stat.mzxid != before.mzxid {
            missing.data = true;
            (stat.version, stat.mzxid, stat.mtime) = (before.version, before.mzxid, before.mtime);
        }
        if node.acl.is_none() && stat.aversion != before.aversion {
            missing.acl = true;
            stat.aversion = before.aversion;
        }
        if missing != Want::STAT {
            effect.ask.push((path.into(), missing));
        }
        let Some(now) = self.tree.get(path) else {
            return;
        };
        // Clients see null data as empty. So data that was null, and was not set since, is still null.
        let same_write = stat.mzxid == before.mzxid || before.mzxid == Zxid(0);
        let data = match &node.data {
            Some(data) if data.is_empty() && now.data().is_none() && same_write => None,
            Some(data) => Some(data.as_slice()),
            None => now.data(),
        };
        let acl = match &node.acl {
            Some(acl) => Some(acl.as_slice()),
            None => now.acl(),
        };
        let same_acl = mesolith_zk::record::Acl::same(acl, now.acl());
        let differs = data != now.data() || !same_acl || counts(&stat) != counts(&before);
        if stat != before || differs {
            let data = data.map(<[u8]>::to_vec);
            let acl = acl.map(<[_]>::to_vec);
            // Its parent is in the tree, so this cannot fail.
            let _ = self.tree.insert(path, data.as_deref(), acl.as_deref(), stat);
        }
        if differs {
            effect.changed.push(path.into());
        }
        if let Some(children) = node.children {
            self.children(path, children, effect);
        }
    }

    fn children(&mut self, path: &str, children: Vec<String>, effect: &mut Effect) {
        let Some(node) = self.tree.get(path) else {
            return;
        };
        let above = path.trim_end_matches('/');
        let there: HashSet<&str> = children.iter().map(String::as_str).collect();
        let gone: Vec<_> = node
            .children()
            .filter(|child| !there.contains(child.name()))
            .map(|child| child.path())
            .collect();
        let unread = children.iter().filter(|name| node.child(name).is_none());
        for name in unread {
            let child = format!("{above}/{name}");
            if self.roots.reach(&child) {
                effect.ask.push((child.into(), Want::ALL));
            }
        }
        for child in gone {
            self.gone(&child, effect);
        }
    }

    /// What to read of a node after a look at it. The look gave its stat and list, but neither its data nor its
    /// children.
    pub(super) fn doubt(&self, path: &str, node: Option<&Node>) -> Option<Want> {
        let now = self.tree.get(path);
        let (now, node) = match (now, node) {
            (None, None) => return None,
            (Some(now), Some(node)) => (now.stored(), node),
            _ => return Some(Want::ALL),
        };
        let same = |stat: &NodeStat| {
            let owner = if is_mark(stat) { 0 } else { stat.ephemeral_owner };
            (stat.czxid, stat.mzxid, stat.pzxid, counts(stat), owner)
        };
        (same(&now) != same(&node.stat)).then_some(Want::ALL)
    }
}

fn counts(stat: &NodeStat) -> (i32, i32, i32) {
    (stat.version, stat.cversion, stat.aversion)
}

/// Whether the owner field marks a container or a TTL node. Clients see no owner there.
fn is_mark(stat: &NodeStat) -> bool {
    stat.ephemeral_owner == NodeStat::CONTAINER || stat.ttl().is_some()
}
