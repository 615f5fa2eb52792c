//! The data tree, kept from a snapshot and committed transactions exactly as a server keeps it.
//!
//! Nodes lie in one arena and know their parent and neighbours by number; one hash table finds a child by parent and
//! name. A path is not stored, it is put together when asked for: a node costs about 135 bytes besides its data, and the
//! node of another tree that shares its content 90.
//!
//! - `apply`: the rules of each transaction, all idempotent, since a snapshot can hold effects of later ones.
//! - `digest`: the running sum by which a server of 3.6 or later vouches for each transaction.
//! - `content`, `share`: names and data, which trees that are kept equal hold once.
//! - `packed`: stats, small.
//! - `node`: what a reader sees.

mod acl_cache;
mod apply;
mod arena;
mod compare;
mod content;
mod digest;
mod node;
mod packed;
mod share;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use apply::DigestCheck;
pub use compare::Difference;
pub use node::Node;

use crate::record::{Acl, NodeStat, Zxid};
use acl_cache::AclCache;
use arena::{Arena, NodeId, ROOT};

/// A node cannot be put into the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Parents come before their children in every snapshot.
    #[error("node {path} has no parent")]
    NoParent {
        /// The node.
        path: String,
    },
    /// A node that refers to an access control list which the snapshot does not hold.
    #[error("node {path} has the unknown ACL number {acl}")]
    UnknownAcl {
        /// The node.
        path: String,
        /// The number.
        acl: i64,
    },
}

/// Nodes, sessions and access control lists at one position.
#[derive(Debug, Clone)]
pub struct Tree {
    arena: Arena,
    acls: AclCache,
    sessions: BTreeMap<i64, i32>,
    ephemerals: HashMap<i64, HashSet<NodeId>>,
    digest: u64,
    last_zxid: Zxid,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// Just the root, as snapshots and logs start from.
    fn bare() -> Self {
        Self {
            arena: Arena::new(),
            acls: AclCache::default(),
            sessions: BTreeMap::new(),
            ephemerals: HashMap::new(),
            digest: 0,
            last_zxid: Zxid::default(),
        }
    }

    /// As a server without data has it: the root and the nodes under `/zookeeper`.
    pub fn new() -> Self {
        let mut tree = Self::bare();
        let blank = NodeStat::default();
        for path in ["", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] {
            // All of them have their parent.
            let _ = tree.insert(path, Some(b""), None, blank);
        }
        tree
    }

    /// Empty, to be filled by [`Tree::insert`] in the order of a snapshot.
    pub fn unfilled() -> Self {
        Self::bare()
    }

    /// Position of the last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Says what position the tree is at, after it was filled from a snapshot.
    pub fn set_last_zxid(&mut self, zxid: Zxid) {
        self.last_zxid = zxid;
    }

    /// Sum over all nodes, as servers from 3.6 on compute it (version 2).
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Number of nodes, with the root.
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Never: the root is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Sessions and their timeouts in milliseconds.
    pub fn sessions(&self) -> &BTreeMap<i64, i32> {
        &self.sessions
    }

    /// Adds a session, or sets its timeout.
    pub fn set_session(&mut self, session: i64, timeout: i32) {
        self.sessions.insert(session, timeout);
    }

    /// Forgets a session; its nodes stay.
    pub fn forget_session(&mut self, session: i64) {
        self.sessions.remove(&session);
    }

    /// The node at a path; both "" and "/" are the root.
    pub fn get(&self, path: &str) -> Option<Node<'_>> {
        self.arena.find(path).map(|id| Node { tree: self, id })
    }

    /// The root.
    pub fn root(&self) -> Node<'_> {
        Node { tree: self, id: ROOT }
    }

    /// Every node, parents before their children.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.arena.preorder().map(|id| Node { tree: self, id })
    }

    /// Number of places for nodes, some of them empty: a node keeps its place for as long as it lives.
    pub fn slots(&self) -> usize {
        self.arena.slots()
    }

    /// The node at a place, so that a walk can stop and go on while the tree changes.
    pub fn node_at(&self, place: usize) -> Option<Node<'_>> {
        self.arena.at(place).map(|id| Node { tree: self, id })
    }

    /// Ephemeral nodes of a session.
    pub fn ephemerals(&self, session: i64) -> impl Iterator<Item = Node<'_>> {
        let ids = self.ephemerals.get(&session).into_iter().flatten();
        ids.map(|id| Node { tree: self, id: *id })
    }

    /// Puts a node in, or replaces it, with all that is known of it. `acl`: `None` is open to everyone.
    ///
    /// # Errors
    /// When its parent is missing.
    pub fn insert(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: Option<&[Acl]>,
        stat: NodeStat,
    ) -> Result<(), Error> {
        let acl = self.acls.take(acl);
        self.insert_with(path, data, acl, stat)
    }

    fn insert_with(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: u32,
        stat: NodeStat,
    ) -> Result<(), Error> {
        let id = if let Some(id) = self.arena.find(path) {
            self.disown(id);
            self.arena.set_data(id, data);
            id
        } else if let Some(id) = self.arena.add(path, data) {
            id
        } else {
            self.acls.release(acl);
            let path = path.to_owned();
            return Err(Error::NoParent { path });
        };
        self.arena.set_stat(id, stat);
        let old = std::mem::replace(&mut self.arena.slot_mut(id).acl, acl);
        self.acls.release(old);
        if self.is_session(stat.ephemeral_owner) {
            self.ephemerals
                .entry(stat.ephemeral_owner)
                .or_default()
                .insert(id);
        }
        self.refresh_digest(id, path);
        Ok(())
    }

    /// Takes a node out with all below it, as if it had never been: nothing is counted. The root stays.
    pub fn prune(&mut self, path: &str) {
        if let Some(id) = self.arena.find(path) {
            self.remove(id);
        }
    }

    /// Whether an owner value is a session. Values of TTL nodes are, where a server with the id 255 gave them out.
    fn is_session(&self, owner: i64) -> bool {
        owner != 0
            && owner != NodeStat::CONTAINER
            && (owner >> 56 != -1 || self.sessions.contains_key(&owner))
    }

    fn disown(&mut self, id: NodeId) {
        let owner = self.arena.stat(id).ephemeral_owner;
        if let Some(nodes) = self.ephemerals.get_mut(&owner) {
            nodes.remove(&id);
            if nodes.is_empty() {
                self.ephemerals.remove(&owner);
            }
        }
    }

    /// Takes a node away with all below it. The root stays.
    fn remove(&mut self, id: NodeId) {
        if id == ROOT {
            return;
        }
        for child in self.arena.subtree(id).into_iter().rev() {
            self.disown(child);
            let slot = self.arena.slot(child);
            self.digest = self.digest.wrapping_sub(slot.digest.into());
            self.acls.release(slot.acl);
            self.arena.remove(child);
        }
    }
}
