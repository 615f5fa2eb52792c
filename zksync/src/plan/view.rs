//! The target as it will be: its tree, with everything on top that is planned and was not yet seen there.
//!
//! Nodes are named as they are on the target.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_zk::record::Zxid;
use mesolith_zk::request::Write;
use mesolith_zk::tree::{Node, Tree};

use super::overlay::{Expected, Held, Overlay, Planned};
use super::{Common, Refused};
use crate::routes::{Routes, root};
use crate::settings::Side;

/// The source's tree, asked by the names of the target.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The source's tree.
    pub tree: &'a Tree,
    /// The names on either side.
    pub routes: &'a Routes,
    /// Which side the source is.
    pub side: Side,
}

impl<'a> Source<'a> {
    /// The source's node for a name on the target, if it is carried there.
    pub fn get(&self, path: &str) -> Option<Node<'a>> {
        let place = self.routes.locate(self.side.other(), path)?;
        self.tree.get(&place.there)
    }

    /// The node whose creates the target counts under a name.
    pub fn counted(&self, path: &str) -> Option<Node<'a>> {
        let place = self.routes.counted(self.side.other(), path)?;
        self.tree.get(&place.there)
    }

    /// The roots that the source has and carries to below a name on the target, which is above them.
    pub fn roots_under(&self, path: &str) -> Vec<Node<'a>> {
        let under = self.routes.under(self.side.other(), path);
        let carried = under.filter(|route| route.direction.carries_from(self.side));
        carried
            .filter_map(|route| self.tree.get(root(route, self.side)))
            .collect()
    }

    /// Whether the target needs a node: the source has it, or a root below it.
    pub fn needs(&self, path: &str) -> bool {
        self.get(path).is_some() || !self.roots_under(path).is_empty()
    }

    /// A node above a root, which the target needs but which is not kept equal.
    pub fn ancestor(&self, path: &str) -> Option<Node<'a>> {
        self.routes
            .is_shared_ancestor(path)
            .then(|| self.tree.get(path))
            .flatten()
    }
}

/// The target after everything planned so far. Planning a unit reads this view and adds the unit's effects to it.
#[derive(Debug)]
pub struct View<'a> {
    /// The source.
    pub source: Source<'a>,
    /// The target's tree as it was seen last.
    pub target: &'a Tree,
    /// Nodes that are not written for now.
    pub held: &'a Held,
    /// What both sides can hold.
    pub common: &'a Common,
    /// What the target does not take.
    pub refused: &'a mut Refused,
    /// The longest packet that its servers take from clients.
    pub largest: usize,
    /// Nodes that were written as the source had them at a position. Their earlier changes are included already.
    pub current: &'a mut BTreeMap<Box<str>, Zxid>,
    /// What is planned.
    pub overlay: &'a mut Overlay,
    /// The unit that is being planned.
    pub unit: u64,
    /// Its position.
    pub zxid: Zxid,
    /// Whether the unit is one of several changes of a transaction. The source's tree has all of them already.
    pub in_multi: bool,
}

impl<'a> View<'a> {
    /// The node, if it will exist.
    pub fn get(&self, path: &str) -> Option<Expected> {
        match self.overlay.nodes.get(path) {
            Some((_, expected)) => Some(*expected).filter(|expected| expected.exists),
            None => self.target.get(path).map(|node| Expected {
                exists: true,
                version: node.stored().version,
                aversion: node.stored().aversion,
                owner: node.owner(),
                planned: Planned::default(),
            }),
        }
    }

    /// The node in the target's tree, unless a plan changes it.
    pub fn untouched(&self, path: &str) -> Option<Node<'a>> {
        let touched = self.overlay.nodes.contains_key(path);
        (!touched).then(|| self.target.get(path)).flatten()
    }

    /// Whether a change may be tried; if not, it is among what the target refuses.
    pub fn admits(&mut self, write: &Write) -> bool {
        self.refused.admits(write, self.largest)
    }

    /// Whether the node was written as the source had it after this unit's position.
    pub fn is_current(&self, path: &str) -> bool {
        !self.current.is_empty() && self.current.get(path).is_some_and(|at| *at >= self.zxid)
    }

    /// Whether the source has moved on since this unit, which is so when it is planned again.
    pub fn is_late(&self) -> bool {
        self.source.tree.last_zxid() > self.zxid
    }

    /// The node will be as the source has it now. That may be later than this unit, or than this part of it.
    pub fn written_as_now(&mut self, path: &str) {
        if self.is_late() || self.in_multi {
            self.current.insert(path.into(), self.source.tree.last_zxid());
        }
    }

    /// The node will be created.
    pub fn created(&mut self, path: &str, owner: Option<i64>) {
        self.fresh(path, true, owner);
        if let Some((above, _)) = path.rsplit_once('/') {
            self.counted(above, 1);
        }
    }

    /// So many nodes will be created directly below a node.
    pub fn counted(&mut self, path: &str, creates: i32) {
        self.overlay.count(self.unit, path.trim_end_matches('/'), creates);
    }

    /// Its `cversion` then, which is the number of creates directly below it.
    pub fn cversion(&self, path: &str) -> i32 {
        let path = path.trim_end_matches('/');
        let stored = self.target.get(path).filter(|_| !self.overlay.is_new(path));
        let planned = self.overlay.counts.get(path).copied().unwrap_or(0);
        stored.map_or(0, |node| node.stored().cversion) + planned
    }

    /// Whether a node that will not be there is to be made: the source has it, and it is carried and not refused.
    pub fn comes(&self, path: &str) -> bool {
        let is_left = self.held.covers(path) || self.refused.covers(path);
        !is_left && self.get(path).is_none() && self.source.get(path).is_some()
    }

    /// It will be gone.
    pub fn deleted(&mut self, path: &str) {
        self.fresh(path, false, None);
        self.overlay.forget_count(path);
    }

    fn fresh(&mut self, path: &str, exists: bool, owner: Option<i64>) {
        let expected = Expected {
            exists,
            version: 0,
            aversion: 0,
            owner,
            planned: Planned::whole(self.unit),
        };
        self.overlay.put(self.unit, path, expected);
    }

    /// The node's data will be set. Returns its version before.
    pub fn set(&mut self, path: &str, before: Expected) -> i32 {
        let mut after = before;
        after.version = before.version.wrapping_add(1);
        after.planned.data = true;
        self.overlay.put(self.unit, path, after);
        before.version
    }

    /// The node's list will be set. Returns its `aversion` before.
    pub fn set_acl(&mut self, path: &str, before: Expected) -> i32 {
        let mut after = before;
        after.aversion = before.aversion.wrapping_add(1);
        after.planned.acl = true;
        self.overlay.put(self.unit, path, after);
        before.aversion
    }

    /// The nodes that a session will own.
    pub fn owned(&self, session: i64) -> Vec<Box<str>> {
        let here = self.target.ephemerals(session).map(|node| node.path());
        let stay = here.filter(|path| !self.overlay.nodes.contains_key(path.as_str()));
        let planned = self
            .overlay
            .nodes
            .iter()
            .filter(|(_, (_, node))| node.exists && node.owner == Some(session));
        stay.map(Into::into)
            .chain(planned.map(|(path, _)| path.clone()))
            .collect()
    }

    /// The nodes that will be directly below a node.
    pub fn children(&self, path: &str) -> Vec<Box<str>> {
        let here = self.target.get(path).into_iter().flat_map(|node| node.children());
        let mut names: BTreeSet<Box<str>> = here.map(|child| child.path().into()).collect();
        let inside = format!("{path}/");
        for (below, (_, node)) in self.overlay.from(&inside) {
            let Some(name) = below.strip_prefix(&*inside) else {
                break;
            };
            if node.exists && !name.contains('/') {
                names.insert(below.clone());
            }
        }
        names.into_iter().collect()
    }

    /// Whether a session will exist on the target.
    pub fn has_session(&self, session: i64) -> bool {
        self.target.sessions().contains_key(&session) || self.overlay.opened.contains_key(&session)
    }

    /// The session will exist on the target.
    pub fn session_opened(&mut self, session: i64) {
        self.overlay.opened.insert(session, self.unit);
    }
}
