//! The tree's check value: the sum of every node's CRC-32, kept up to date with each change.
//!
//! Covers path, data and stat of all nodes except those below `/zookeeper`; access control lists are not covered.

use super::Tree;
use super::arena::{NodeId, split};
use crate::record::NodeStat;

/// Nodes below are the servers' own, and can differ between servers.
const UNCOUNTED: &str = "/zookeeper/";

fn of_node(path: &str, data: Option<&[u8]>, stat: &NodeStat) -> u32 {
    if path.starts_with(UNCOUNTED) {
        return 0;
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(if path == "/" { b"" } else { path.as_bytes() });
    crc.update(data.unwrap_or_default());
    crc.update(&stat.digest_bytes());
    crc.finalize()
}

impl Tree {
    /// Takes a node's change into the sum.
    pub(super) fn refresh_digest(&mut self, id: NodeId, path: &str) {
        let new = of_node(path, self.arena.data(id), &self.arena.stat(id));
        let old = std::mem::replace(&mut self.arena.slot_mut(id).digest, new);
        self.digest = self.digest.wrapping_sub(old.into()).wrapping_add(new.into());
    }

    /// As [`Tree::refresh_digest`] for the parent of a path.
    pub(super) fn refresh_parent_digest(&mut self, parent: NodeId, path: &str) {
        if let Some((above, _)) = split(path) {
            self.refresh_digest(parent, above);
        }
    }
}
