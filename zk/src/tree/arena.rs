//! Where nodes lie and how they are found.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::content::Content;
use super::packed::Packed;
use crate::record::NodeStat;

/// Number of a node in the arena; reused after the node is gone.
pub(super) type NodeId = u32;

/// The root's number.
pub(super) const ROOT: NodeId = 0;

/// No node.
const NONE: NodeId = NodeId::MAX;

/// One node.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// None where no node is.
    content: Option<Content>,
    stat: Packed,
    pub(super) acl: u32,
    /// The node's part of the tree's digest, so that a change costs one checksum.
    pub(super) digest: u32,
    pub(super) children: u32,
    parent: NodeId,
    first_child: NodeId,
    next: NodeId,
    previous: NodeId,
}

#[derive(Debug, Clone)]
pub(super) struct Arena {
    slots: Vec<Slot>,
    /// Stats that do not fit into a slot.
    stats: HashMap<NodeId, NodeStat>,
    free: Vec<NodeId>,
    by_name: HashTable<NodeId>,
    hasher: RandomState,
}

impl Slot {
    const EMPTY: Self = Self {
        content: None,
        stat: Packed::BLANK,
        acl: 0,
        digest: 0,
        children: 0,
        parent: NONE,
        first_child: NONE,
        next: NONE,
        previous: NONE,
    };

    fn name(&self) -> &str {
        self.content.as_ref().map_or("", Content::name)
    }
}

/// Parent's path and own name; the root has neither.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
}

impl Arena {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot {
                content: Some(Content::new("", None)),
                ..Slot::EMPTY
            }],
            stats: HashMap::new(),
            free: Vec::new(),
            by_name: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The node at a place, if there is one.
    pub(super) fn at(&self, place: usize) -> Option<NodeId> {
        let slot = self.slots.get(place)?;
        slot.content.as_ref()?;
        NodeId::try_from(place).ok()
    }

    pub(super) fn slot(&self, id: NodeId) -> &Slot {
        &self.slots[id as usize]
    }

    pub(super) fn slot_mut(&mut self, id: NodeId) -> &mut Slot {
        &mut self.slots[id as usize]
    }

    pub(super) fn name(&self, id: NodeId) -> &str {
        self.slot(id).name()
    }

    pub(super) fn data(&self, id: NodeId) -> Option<&[u8]> {
        self.content(id)?.data()
    }

    pub(super) fn set_data(&mut self, id: NodeId, data: Option<&[u8]>) {
        let content = Content::new(self.name(id), data);
        self.set_content(id, content);
    }

    pub(super) fn content(&self, id: NodeId) -> Option<&Content> {
        self.slot(id).content.as_ref()
    }

    /// The same content in another piece of memory, or other data.
    pub(super) fn set_content(&mut self, id: NodeId, content: Content) {
        self.slot_mut(id).content = Some(content);
    }

    pub(super) fn stat(&self, id: NodeId) -> NodeStat {
        let packed = self.slot(id).stat.stat();
        packed.unwrap_or_else(|| self.stats.get(&id).copied().unwrap_or_default())
    }

    pub(super) fn set_stat(&mut self, id: NodeId, stat: NodeStat) {
        let packed = Packed::new(&stat);
        let before = std::mem::replace(&mut self.slot_mut(id).stat, packed.unwrap_or(Packed::ELSEWHERE));
        if packed.is_none() {
            self.stats.insert(id, stat);
        } else if before == Packed::ELSEWHERE {
            self.stats.remove(&id);
        }
    }

    fn hash(&self, parent: NodeId, name: &str) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    pub(super) fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let same = |id: &NodeId| {
            let slot = self.slot(*id);
            slot.parent == parent
                && slot
                    .content
                    .as_ref()
                    .is_some_and(|content| content.is_named(name))
        };
        self.by_name.find(self.hash(parent, name), same).copied()
    }

    pub(super) fn find(&self, path: &str) -> Option<NodeId> {
        let names = path.strip_prefix('/').unwrap_or(path);
        if names.is_empty() {
            return Some(ROOT);
        }
        names.split('/').try_fold(ROOT, |id, name| self.child(id, name))
    }

    /// A node with a blank stat at a path where none is; `None` without its parent.
    pub(super) fn add(&mut self, path: &str, data: Option<&[u8]>) -> Option<NodeId> {
        let (parent, name) = split(path)?;
        let parent = self.find(parent)?;
        let next = self.slot(parent).first_child;
        let slot = Slot {
            content: Some(Content::new(name, data)),
            parent,
            next,
            ..Slot::EMPTY
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id as usize] = slot;
                id
            }
            None => {
                self.slots.push(slot);
                // Four thousand million nodes would be 500 GB.
                NodeId::try_from(self.slots.len() - 1).unwrap_or(NONE)
            }
        };
        if next != NONE {
            self.slot_mut(next).previous = id;
        }
        let above = self.slot_mut(parent);
        above.first_child = id;
        above.children += 1;
        let hash = self.hash(parent, name);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_name.insert_unique(hash, id, |id| {
            let slot = &slots[*id as usize];
            hasher.hash_one((slot.parent, slot.name()))
        });
        Some(id)
    }

    /// Takes a node without children out.
    pub(super) fn remove(&mut self, id: NodeId) {
        let slot = self.slot(id);
        let (parent, next, previous) = (slot.parent, slot.next, slot.previous);
        let hash = self.hash(parent, slot.name());
        if let Ok(entry) = self.by_name.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
        if next != NONE {
            self.slot_mut(next).previous = previous;
        }
        let above = self.slot_mut(parent);
        above.children -= 1;
        if previous == NONE {
            above.first_child = next;
        } else {
            self.slot_mut(previous).next = next;
        }
        self.set_stat(id, NodeStat::default());
        self.slots[id as usize] = Slot::EMPTY;
        self.free.push(id);
    }

    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let existing = |id: NodeId| (id != NONE).then_some(id);
        std::iter::successors(existing(self.slot(id).first_child), move |id| {
            existing(self.slot(*id).next)
        })
    }

    /// A node and all below it, parents first.
    pub(super) fn subtree(&self, id: NodeId) -> Vec<NodeId> {
        let mut found = vec![id];
        let mut at = 0;
        while let Some(id) = found.get(at).copied() {
            found.extend(self.children(id));
            at += 1;
        }
        found
    }

    /// Every node, parents first, without recursion: a tree can be deeper than the stack.
    pub(super) fn preorder(&self) -> impl Iterator<Item = NodeId> {
        let mut stack = vec![ROOT];
        std::iter::from_fn(move || {
            let id = stack.pop()?;
            // The neighbour goes below the first child, so the stack is as high as the tree is deep.
            let slot = self.slot(id);
            stack.extend([slot.next, slot.first_child].into_iter().filter(|id| *id != NONE));
            Some(id)
        })
    }

    /// The path; the root's is "".
    pub(super) fn path(&self, id: NodeId) -> String {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            let slot = self.slot(at);
            names.push(slot.name());
            at = slot.parent;
        }
        names
            .iter()
            .rev()
            .fold(String::new(), |path, name| path + "/" + name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Besides the node: its content, four bytes in the hash table and one of control, both over the load factor.
    #[test]
    fn a_node_is_small() {
        assert!(size_of::<Slot>() <= 72, "{}", size_of::<Slot>());
    }
}
