//! The target as it will be: its tree, and over it what is planned and not yet seen there.
//!
//! Everything here speaks of nodes by their names on the target.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_zk::record::Zxid;
use mesolith_zk::request::Write;
use mesolith_zk::tree::{Node, Tree};

use super::overlay::{Expected, Held, Overlay, Planned};
use super::{Common, Refused};
use crate::routes::Routes;
use crate::settings::Side;

/// The source's tree, asked by the names that the target uses.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The tree.
    pub tree: &'a Tree,
    /// What is called what.
    pub routes: &'a Routes,
    /// Which side the source is.
    pub side: Side,
}

impl<'a> Source<'a> {
    /// The node that the target knows by a name, if it is carried there.
    pub fn get(&self, path: &str) -> Option<Node<'a>> {
        let place = self.routes.locate(self.side.other(), path)?;
        self.tree.get(&place.there)
    }

    /// The node whose creates the target counts under a name.
    pub fn counted(&self, path: &str) -> Option<Node<'a>> {
        let place = self.routes.counted(self.side.other(), path)?;
        self.tree.get(&place.there)
    }

    /// A node above a root, which the target needs but which is not kept equal.
    pub fn ancestor(&self, path: &str) -> Option<Node<'a>> {
        self.routes
            .is_shared_ancestor(path)
            .then(|| self.tree.get(path))
            .flatten()
    }
}

/// The target after everything planned so far; a unit's plan looks here and leaves its effects here.
#[derive(Debug)]
pub struct View<'a> {
    /// The source.
    pub source: Source<'a>,
    /// The target's tree as seen.
    pub target: &'a Tree,
    /// What is not written.
    pub held: &'a Held,
    /// What both sides can hold.
    pub common: &'a Common,
    /// What the target does not take.
    pub refused: &'a mut Refused,
    /// The longest packet that its servers take from clients.
    pub largest: usize,
    /// Nodes that were written as the source has them at a position: what happened to them before is in already.
    pub current: &'a mut BTreeMap<Box<str>, Zxid>,
    /// What is planned.
    pub overlay: &'a mut Overlay,
    /// The unit that is planned.
    pub unit: u64,
    /// Its position.
    pub zxid: Zxid,
    /// Whether it is one of several changes of a transaction, all of which the source's tree has already.
    pub in_multi: bool,
}

impl<'a> View<'a> {
    /// The node, if it will be there.
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

    /// The node as the target's tree has it, unless a plan changes it.
    pub fn untouched(&self, path: &str) -> Option<Node<'a>> {
        let touched = self.overlay.nodes.contains_key(path);
        (!touched).then(|| self.target.get(path)).flatten()
    }

    /// Whether a change may be tried; if not, it is among what the target refuses.
    pub fn admits(&mut self, write: &Write) -> bool {
        self.refused.admits(write, self.largest)
    }

    /// Whether it was written as the source has it after this unit's position.
    pub fn is_current(&self, path: &str) -> bool {
        !self.current.is_empty() && self.current.get(path).is_some_and(|at| *at >= self.zxid)
    }

    /// Whether the source has gone on since this unit: it is planned again.
    pub fn is_late(&self) -> bool {
        self.source.tree.last_zxid() > self.zxid
    }

    /// It will be as the source has it now, which may be later than this unit, or than this part of it.
    pub fn written_as_now(&mut self, path: &str) {
        if self.is_late() || self.in_multi {
            self.current.insert(path.into(), self.source.tree.last_zxid());
        }
    }

    /// It will be there, new.
    pub fn created(&mut self, path: &str, owner: Option<i64>) {
        self.fresh(path, true, owner);
        if let Some((above, _)) = path.rsplit_once('/') {
            self.counted(above, 1);
        }
    }

    /// So many nodes will have been made right below one.
    pub fn counted(&mut self, path: &str, creates: i32) {
        self.overlay.count(self.unit, path.trim_end_matches('/'), creates);
    }

    /// Its `cversion` then: the number of creates right below it, ever.
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

    /// Its data will be set; gives the version that it has before.
    pub fn set(&mut self, path: &str, before: Expected) -> i32 {
        let mut after = before;
        after.version = before.version.wrapping_add(1);
        after.planned.data = true;
        self.overlay.put(self.unit, path, after);
        before.version
    }

    /// Its list will be set; gives the `aversion` that it has before.
    pub fn set_acl(&mut self, path: &str, before: Expected) -> i32 {
        let mut after = before;
        after.aversion = before.aversion.wrapping_add(1);
        after.planned.acl = true;
        self.overlay.put(self.unit, path, after);
        before.aversion
    }

    /// Nodes that a session will own.
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

    /// Nodes that will be right below one.
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

    /// Whether a session will live on the target.
    pub fn has_session(&self, session: i64) -> bool {
        self.target.sessions().contains_key(&session) || self.overlay.opened.contains_key(&session)
    }

    /// It will.
    pub fn session_opened(&mut self, session: i64) {
        self.overlay.opened.insert(session, self.unit);
    }
}
