//! Remembers what is planned and was not yet seen on the target, and what is held there.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use crate::routes::is_below;

/// A node that a plan touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Whether it will exist.
    pub exists: bool,
    /// Its version then.
    pub version: i32,
    /// Its `aversion` then.
    pub aversion: i32,
    /// The session that will own it.
    pub owner: Option<i64>,
    /// The planned changes.
    pub planned: Planned,
}

/// The parts of a node that are planned, and so will be equal to the source's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Planned {
    /// The unit that creates or deletes it. Until that unit is done, the target's present state of the node does not
    /// count.
    pub whole: Option<u64>,
    /// Its data will be set.
    pub data: bool,
    /// Its list will be set.
    pub acl: bool,
}

impl Planned {
    pub(super) fn whole(unit: u64) -> Self {
        Self {
            whole: Some(unit),
            data: true,
            acl: true,
        }
    }
}

/// Nodes that planned units touch, kept until the last such unit is done.
#[derive(Debug, Default)]
pub struct Overlay {
    pub(super) nodes: BTreeMap<Box<str>, (u64, Expected)>,
    order: VecDeque<(u64, Box<str>)>,
    /// Planned creates directly below a node, which will raise its `cversion`: by unit, and in total.
    creates: VecDeque<(u64, Box<str>, i32)>,
    pub(super) counts: HashMap<Box<str>, i32>,
    pub(super) opened: BTreeMap<i64, u64>,
    /// The last unit that is done.
    done: u64,
}

impl Overlay {
    pub(super) fn put(&mut self, unit: u64, path: &str, expected: Expected) {
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
            planned: Planned::whole(unit),
        };
        self.put(unit, path, expected);
    }

    /// A unit will create so many nodes directly below a node.
    pub(super) fn count(&mut self, unit: u64, parent: &str, creates: i32) {
        match self.creates.back_mut() {
            Some((last, path, count)) if *last == unit && **path == *parent => *count += creates,
            _ => self.creates.push_back((unit, parent.into(), creates)),
        }
        match self.counts.get_mut(parent) {
            Some(count) => *count += creates,
            None => drop(self.counts.insert(parent.into(), creates)),
        }
    }

    /// Whether a unit that is not done creates or deletes a node.
    pub(super) fn is_new(&self, path: &str) -> bool {
        let node = self.nodes.get(path).map(|(_, node)| node.planned);
        node.and_then(|planned| planned.whole)
            .is_some_and(|unit| unit > self.done)
    }

    /// The node will be deleted. One that is created under its name later begins anew.
    pub(super) fn forget_count(&mut self, path: &str) {
        if self.counts.remove(path).is_some() {
            self.creates.retain(|(_, parent, _)| **parent != *path);
        }
    }

    /// The nodes from a path on, in order.
    pub(super) fn from<'o>(
        &'o self,
        path: &str,
    ) -> impl Iterator<Item = (&'o Box<str>, &'o (u64, Expected))> {
        self.nodes
            .range::<str, _>((Bound::Included(path), Bound::Unbounded))
    }

    /// All units up to this one are in the target's tree.
    pub fn done(&mut self, unit: u64) {
        self.done = self.done.max(unit);
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

    /// Forgets everything, so that all can be planned again from the target's tree.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a node will be there, if something planned creates, changes or deletes it.
    pub fn expects(&self, path: &str) -> Option<bool> {
        self.nodes.get(path).map(|(_, node)| node.exists)
    }

    /// Whether something planned touches a node. For a node that will be deleted this includes nodes below it; for
    /// one that will exist it includes deletes of nodes above it.
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

/// Subtrees that are not written for now: frozen by a conflict.
#[derive(Debug, Clone, Default)]
pub struct Held(BTreeSet<Box<str>>);

impl Held {
    /// Holds a node and everything below it.
    pub fn hold(&mut self, path: &str) {
        self.0.insert(path.into());
    }

    /// Ends that. False if the node was not held.
    pub fn release(&mut self, path: &str) -> bool {
        self.0.remove(path)
    }

    /// Whether a node, or one above it, is held.
    pub fn covers(&self, path: &str) -> bool {
        !self.0.is_empty() && self.0.iter().any(|held| is_below(path, held))
    }

    /// All nodes that are held.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|path| &**path)
    }
}
