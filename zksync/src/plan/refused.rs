//! Changes that the target refuses: which they are, why, and when they are tried again.
//!
//! A refusal belongs to one change of one node. Another change of that node is tried at once, and so are changes of
//! other nodes. Nodes below a node that could not be created wait for it. The same change is tried again when there
//! is a reason: from time to time, after a new link, and when the servers take more.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use mesolith_zk::request::Write;

use super::{COUNTER, parent};

/// Refusals of different changes of one node within a second, after which the rest waits for the next second.
const MOST_TRIES: u32 = 3;

/// Why the target refuses a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its request is longer than the target's servers take: `jute.maxbuffer`, in bytes.
    TooLarge {
        /// The longest packet that they take.
        most: usize,
    },
    /// The servers' error code.
    Code(i32),
}

/// The part of a node that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The node cannot be created, so there is nothing below it either.
    Node,
    /// The node keeps its data.
    Data,
    /// The node keeps its list.
    List,
    /// The node's counter of creates stays behind.
    Counter,
    /// The node cannot be deleted.
    Delete,
}

/// A refused change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// Bytes of its request, as a client would send it.
    pub bytes: usize,
    /// A hash of the change, which tells it from another one.
    print: u64,
    /// Whether the same change is not tried for now.
    withheld: bool,
    tries: u32,
    /// Another change came and was not tried either.
    changed: bool,
    /// It is tried again, so nodes below it follow already.
    made: bool,
}

impl Refusal {
    /// A refusal of a change that is not tried for now.
    pub(crate) fn new(why: Why, bytes: usize) -> Self {
        Self {
            why,
            bytes,
            print: 0,
            withheld: true,
            tries: 0,
            changed: false,
            made: false,
        }
    }
}

/// All refused changes, by the target's names.
#[derive(Debug, Default)]
pub struct Refused {
    all: BTreeMap<(Box<str>, Part), Refusal>,
    /// Nodes that were refused and are created now.
    made: Vec<Box<str>>,
    /// Number of changes that were refused for their length, without a request.
    too_large: u64,
}

impl Refused {
    /// Whether a change may be tried. A change longer than `largest` is refused here.
    pub fn admits(&mut self, write: &Write, largest: usize) -> bool {
        let bytes = write.packet();
        if bytes > largest {
            self.insert(key(write), Why::TooLarge { most: largest }, bytes, 0);
            return false;
        }
        if self.all.is_empty() {
            return true;
        }
        let key = key(write);
        let Some(refusal) = self.all.get_mut(&key) else {
            return true;
        };
        if refusal.withheld && matches!(refusal.why, Why::Code(_)) {
            let is_other = refusal.print != print(write);
            if !is_other || refusal.tries >= MOST_TRIES {
                refusal.changed |= is_other;
                return false;
            }
        }
        if key.1 == Part::Node {
            refusal.made = true;
            self.made.push(key.0);
        }
        true
    }

    /// The servers have refused a change.
    pub fn refuse(&mut self, write: &Write, code: i32) {
        self.insert(key(write), Why::Code(code), write.packet(), print(write));
    }

    fn insert(&mut self, key: (Box<str>, Part), why: Why, bytes: usize, print: u64) {
        let before = self.all.get(&key).copied();
        if before.is_none() {
            tracing::warn!(path = %key.0, what = ?key.1, ?why, bytes, "the target does not take a change");
        }
        if before.is_none_or(|before| before.bytes != bytes) && matches!(why, Why::TooLarge { .. }) {
            self.too_large += 1;
        }
        let refusal = Refusal {
            print,
            tries: before.map_or(0, |before| before.tries) + 1,
            ..Refusal::new(why, bytes)
        };
        self.all.insert(key, refusal);
    }

    /// Number of changes that were refused for their length so far, without a request.
    pub fn too_large(&self) -> u64 {
        self.too_large
    }

    /// Whether nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All refused changes: node, part, and refusal.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Part, &Refusal)> {
        self.all
            .iter()
            .map(|((path, part), refusal)| (&**path, *part, refusal))
    }

    /// Whether one of these parts of a node is refused.
    pub fn names(&self, path: &str, parts: &[Part]) -> bool {
        let mut parts = parts.iter().filter(|_| !self.all.is_empty());
        parts.any(|part| self.all.contains_key(&(path.into(), *part)))
    }

    /// Whether this node, or one above it, cannot be created.
    pub fn covers(&self, path: &str) -> bool {
        let mut above = Some(path).filter(|_| !self.all.is_empty());
        while let Some(node) = above {
            if self.all.contains_key(&(node.into(), Part::Node)) {
                return true;
            }
            above = parent(node);
        }
        false
    }

    /// Changes whose obstacle is gone are tried again with those that have waited. `is_gone` is asked with the node, the part
    /// and the error code.
    pub fn unblock(&mut self, is_gone: impl Fn(&str, Part, i32) -> bool) {
        for ((path, part), refusal) in &mut self.all {
            if let Why::Code(code) = refusal.why {
                refusal.changed |= refusal.withheld && is_gone(path, *part, code);
            }
        }
    }

    /// Nodes whose other changes have waited for a second.
    pub fn waited(&mut self) -> Vec<Box<str>> {
        let mut paths = Vec::new();
        for ((path, _), refusal) in &mut self.all {
            refusal.tries = 0;
            if std::mem::take(&mut refusal.changed) {
                refusal.withheld = false;
                paths.push(path.clone());
            }
        }
        paths
    }

    /// There is a reason to try all of them again. Returns their nodes.
    pub fn release(&mut self) -> Vec<Box<str>> {
        self.all.values_mut().for_each(|refusal| refusal.withheld = false);
        let mut paths: Vec<_> = self.all.keys().map(|(path, _)| path.clone()).collect();
        paths.dedup();
        paths
    }

    /// Nodes that were refused and are created now, so that nodes below them can follow.
    pub fn take_made(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.made)
    }

    /// Forgets those that are settled. Below a node that somebody else has created, the others follow.
    pub fn settle(&mut self, is_settled: impl Fn(&str, Part) -> bool) {
        self.all.retain(|(path, part), refusal| {
            let settled = is_settled(path, *part);
            if settled && *part == Part::Node && !refusal.made {
                self.made.push(path.clone());
            }
            !settled
        });
    }

    /// Forgets everything, since another engine writes now.
    pub fn clear(&mut self) {
        self.all.clear();
        self.made.clear();
    }
}

/// What is refused with a change.
fn key(write: &Write) -> (Box<str>, Part) {
    let path = write.path();
    if let Some((above, COUNTER)) = path.rsplit_once('/') {
        let counted = if above.is_empty() { "/" } else { above };
        return (counted.into(), Part::Counter);
    }
    let part = match write {
        Write::Create { .. } => Part::Node,
        Write::SetData { .. } | Write::Check { .. } => Part::Data,
        Write::SetAcl { .. } => Part::List,
        Write::Delete { .. } => Part::Delete,
    };
    (path.into(), part)
}

fn print(write: &Write) -> u64 {
    // One raise makes and deletes the same child: neither is worth a try without the other.
    if key(write).1 == Part::Counter {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    match write {
        Write::Create { data, acl, mode, .. } => {
            (data, format!("{acl:?}{mode:?}")).hash(&mut hasher);
        }
        Write::SetData { data, .. } => data.hash(&mut hasher),
        Write::SetAcl { acl, .. } => format!("{acl:?}").hash(&mut hasher),
        Write::Delete { .. } | Write::Check { .. } => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use mesolith_zk::request::{ANY_VERSION, CreateMode};

    use super::*;

    #[test]
    fn a_counter_whose_child_stays_is_not_raised_every_second() {
        let child = format!("/a/{COUNTER}");
        let delete = Write::Delete {
            path: child.as_str().into(),
            version: ANY_VERSION,
        };
        let create = Write::Create {
            path: child.as_str().into(),
            data: None,
            acl: None,
            mode: CreateMode::Persistent,
        };
        let mut refused = Refused::default();
        refused.refuse(&delete, -102);
        assert!(!refused.admits(&create, usize::MAX) && !refused.admits(&delete, usize::MAX));
        assert!(refused.waited().is_empty());
        refused.release();
        assert!(refused.admits(&create, usize::MAX));
    }

    #[test]
    fn a_change_whose_obstacle_is_gone_is_tried_again() {
        let child = Write::Create {
            path: "/a/x/z".into(),
            data: None,
            acl: None,
            mode: CreateMode::Container,
        };
        let mut refused = Refused::default();
        refused.refuse(&child, -108);
        refused.unblock(|_, _, _| false);
        assert!(refused.waited().is_empty() && !refused.admits(&child, usize::MAX));
        refused.unblock(|path, part, code| (path, part, code) == ("/a/x/z", Part::Node, -108));
        assert_eq!(refused.waited(), ["/a/x/z".into()]);
        assert!(refused.admits(&child, usize::MAX));
    }
}
