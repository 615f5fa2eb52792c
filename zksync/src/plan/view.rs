//! The target as it will be: its tree, and over it what is planned and not yet seen there.
//!
//! Everything here speaks of nodes by their names on the target.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::{Node, Tree};

use super::Common;
use crate::routes::{Routes, is_below};
use crate::settings::Side;

/// A node that a plan touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Whether it will be there.
    pub exists: bool,
    /// Its version then.
    pub version: i32,
    /// Its `aversion` then.
    pub aversion: i32,
    /// The session that will own it.
    pub owner: Option<i64>,
    /// What of it is planned.
    pub planned: Planned,
}

/// What of a node is planned, and so will be the source's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planned {
    /// It is made or goes: nothing of what the target has now counts.
    pub whole: bool,
    /// Its data is set.
    pub data: bool,
    /// Its list is set.
    pub acl: bool,
}

impl Planned {
    const WHOLE: Self = Self {
        whole: true,
        data: true,
        acl: true,
    };
}

/// Nodes that planned units touch, until the last unit that touches them is done.
#[derive(Debug, Default)]
pub struct Overlay {
    nodes: BTreeMap<Box<str>, (u64, Expected)>,
    order: VecDeque<(u64, Box<str>)>,
    /// Creates right below a node that will count up its `cversion`, by unit, and all of them.
    creates: VecDeque<(u64, Box<str>, i32)>,
    counts: HashMap<Box<str>, i32>,
    opened: BTreeMap<i64, u64>,
}

impl Overlay {
    fn put(&mut self, unit: u64, path: &str, expected: Expected) {
        match self.nodes.get_mut(path) {
            Some(entry) if entry.0 == unit => entry.1 = expected,
            _ => {
                self.nodes.insert(path.into(), (unit, expected));
                self.order.push_back((unit, path.into()));
            }
        }
    }

    /// A unit that is not planned yet will touch a node.
    pub fn note(&mut self, unit: u64, path: &str, goes: bool) {
        let expected = Expected {
            exists: !goes,
            version: 0,
            aversion: 0,
            owner: None,
            planned: Planned::WHOLE,
        };
        self.put(unit, path, expected);
    }

    /// A unit will create so many nodes right below one.
    fn count(&mut self, unit: u64, parent: &str, creates: i32) {
        match self.creates.back_mut() {
            Some((last, path, count)) if *last == unit && **path == *parent => *count += creates,
            _ => self.creates.push_back((unit, parent.into(), creates)),
        }
        match self.counts.get_mut(parent) {
            Some(count) => *count += creates,
            None => drop(self.counts.insert(parent.into(), creates)),
        }
    }

    /// The node goes; one of the same name would begin anew.
    fn forget_count(&mut self, path: &str) {
        if self.counts.remove(path).is_some() {
            self.creates.retain(|(_, parent, _)| **parent != *path);
        }
    }

    /// Nodes from a path on, in order.
    fn from<'o>(&'o self, path: &str) -> impl Iterator<Item = (&'o Box<str>, &'o (u64, Expected))> {
        self.nodes
            .range::<str, _>((Bound::Included(path), Bound::Unbounded))
    }

    /// Units up to this one are in the target's tree.
    pub fn done(&mut self, unit: u64) {
        while let Some((touched, path)) = self.order.pop_front_if(|(touched, _)| *touched <= unit) {
            if self.nodes.get(&path).is_some_and(|(last, _)| *last == touched) {
                self.nodes.remove(&path);
            }
        }
        while let Some((_, parent, creates)) = self.creates.pop_front_if(|(created, ..)| *created <= unit) {
            if let Some(count) = self.counts.get_mut(&parent) {
                *count -= creates;
                if *count <= 0 {
                    self.counts.remove(&parent);
                }
            }
        }
        if !self.opened.is_empty() {
            self.opened.retain(|_, opened| *opened > unit);
        }
    }

    /// Forgets everything, to plan again from the target's tree.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether something planned touches a node; of one that goes, also whether something is planned below it, and of
    /// one that comes or stays, whether a node above it is planned to go.
    pub fn collides(&self, path: &str, goes: bool) -> bool {
        if self.nodes.is_empty() {
            return false;
        }
        if self.nodes.contains_key(path) {
            return true;
        }
        if goes {
            let inside = format!("{path}/");
            return self
                .from(&inside)
                .next()
                .is_some_and(|(below, _)| below.starts_with(&inside));
        }
        let mut above = path;
        while let Some((shorter, _)) = above.rsplit_once('/') {
            above = shorter;
            if self.nodes.get(above).is_some_and(|(_, node)| !node.exists) {
                return true;
            }
        }
        false
    }
}

/// Subtrees that are not written for now: frozen by a conflict, or refused by the target.
#[derive(Debug, Clone, Default)]
pub struct Held(BTreeSet<Box<str>>);

impl Held {
    /// Holds a node and all below it.
    pub fn hold(&mut self, path: &str) {
        self.0.insert(path.into());
    }

    /// Lets it go; false if it was not held.
    pub fn release(&mut self, path: &str) -> bool {
        self.0.remove(path)
    }

    /// Whether a node is held, or one above it.
    pub fn covers(&self, path: &str) -> bool {
        !self.0.is_empty() && self.0.iter().any(|held| is_below(path, held))
    }

    /// All of them.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|path| &**path)
    }
}

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
    /// Nodes that were written as the source has them at a position: what happened to them before is in already.
    pub current: &'a mut BTreeMap<Box<str>, Zxid>,
    /// What is planned.
    pub overlay: &'a mut Overlay,
    /// The unit that is planned.
    pub unit: u64,
    /// Its position.
    pub zxid: Zxid,
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

    /// Whether it was written as the source has it after this unit's position.
    pub fn is_current(&self, path: &str) -> bool {
        !self.current.is_empty() && self.current.get(path).is_some_and(|at| *at >= self.zxid)
    }

    /// Whether the source has gone on since this unit: it is planned again.
    pub fn is_late(&self) -> bool {
        self.source.tree.last_zxid() > self.zxid
    }

    /// It will be as the source has it now, which may be later than this unit.
    pub fn written_as_now(&mut self, path: &str) {
        if self.is_late() {
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
        self.overlay.count(self.unit, path, creates);
    }

    /// Its `cversion` then: the number of creates right below it, ever.
    pub fn cversion(&self, path: &str) -> i32 {
        let is_new = self
            .overlay
            .nodes
            .get(path)
            .is_some_and(|(_, node)| node.planned.whole);
        let stored = self.target.get(path).filter(|_| !is_new);
        let planned = self.overlay.counts.get(path).copied().unwrap_or(0);
        stored.map_or(0, |node| node.stored().cversion) + planned
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
            planned: Planned::WHOLE,
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
