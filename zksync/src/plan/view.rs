//! The target as it will be: its tree, and over it what is planned and not yet seen there.

use std::collections::{HashMap, VecDeque};

use mesolith_zk::tree::Tree;

/// A node that a plan touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Whether it will be there.
    pub exists: bool,
    /// Its version then.
    pub version: i32,
    /// Its `aversion` then.
    pub aversion: i32,
}

/// Nodes that planned units touch, until the last unit that touches them is done.
#[derive(Debug, Default)]
pub struct Overlay {
    nodes: HashMap<Box<str>, (u64, Expected)>,
    order: VecDeque<(u64, Box<str>)>,
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

    /// Units up to this one are in the target's tree.
    pub fn done(&mut self, unit: u64) {
        while let Some((touched, path)) = self.order.pop_front() {
            if touched > unit {
                self.order.push_front((touched, path));
                return;
            }
            if self.nodes.get(&path).is_some_and(|(last, _)| *last == touched) {
                self.nodes.remove(&path);
            }
        }
    }

    /// Forgets everything, to plan again from the target's tree.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The target after everything planned so far; a unit's plan looks here and leaves its effects here.
#[derive(Debug)]
pub struct View<'a> {
    /// The target's tree as seen.
    pub target: &'a Tree,
    overlay: &'a mut Overlay,
    unit: u64,
}

impl<'a> View<'a> {
    /// For planning one unit.
    pub fn new(target: &'a Tree, overlay: &'a mut Overlay, unit: u64) -> Self {
        Self {
            target,
            overlay,
            unit,
        }
    }

    /// The node, if it will be there.
    pub fn get(&self, path: &str) -> Option<Expected> {
        match self.overlay.nodes.get(path) {
            Some((_, expected)) => Some(*expected).filter(|expected| expected.exists),
            None => self.target.get(path).map(|node| Expected {
                exists: true,
                version: node.stored().version,
                aversion: node.stored().aversion,
            }),
        }
    }

    /// The node as the target's tree has it, unless a plan changes it.
    pub fn untouched(&self, path: &str) -> Option<mesolith_zk::tree::Node<'a>> {
        let touched = self.overlay.nodes.contains_key(path);
        (!touched).then(|| self.target.get(path)).flatten()
    }

    /// It will be there, new.
    pub fn created(&mut self, path: &str) {
        self.fresh(path, true);
    }

    /// It will be gone.
    pub fn deleted(&mut self, path: &str) {
        self.fresh(path, false);
    }

    fn fresh(&mut self, path: &str, exists: bool) {
        let expected = Expected {
            exists,
            version: 0,
            aversion: 0,
        };
        self.overlay.put(self.unit, path, expected);
    }

    /// Its data will be set; gives the version that it has before.
    pub fn set(&mut self, path: &str, before: Expected) -> i32 {
        let version = before.version.wrapping_add(1);
        self.overlay.put(self.unit, path, Expected { version, ..before });
        before.version
    }

    /// Its list will be set; gives the `aversion` that it has before.
    pub fn set_acl(&mut self, path: &str, before: Expected) -> i32 {
        let aversion = before.aversion.wrapping_add(1);
        self.overlay.put(self.unit, path, Expected { aversion, ..before });
        before.aversion
    }
}
