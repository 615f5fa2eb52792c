//! One node as readers see it.

use super::Tree;
use super::arena::{NodeId, ROOT};
use crate::record::{Acl, NodeStat, Stat};

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(super) tree: &'a Tree,
    pub(super) id: NodeId,
}

impl<'a> Node<'a> {
    /// Where it lies, for [`Tree::node_at`].
    pub fn place(&self) -> usize {
        self.id as usize
    }

    /// The last part of the path.
    pub fn name(&self) -> &'a str {
        self.tree.arena.name(self.id)
    }

    /// The path; the root's is "/".
    pub fn path(&self) -> String {
        if self.id == ROOT {
            "/".to_owned()
        } else {
            self.tree.arena.path(self.id)
        }
    }

    /// The path as snapshots have it; the root's is "".
    pub(crate) fn stored_path(&self) -> String {
        self.tree.arena.path(self.id)
    }

    /// The data; null and empty differ.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.tree.arena.data(self.id)
    }

    /// The access control list; `None` is open to everyone.
    pub fn acl(&self) -> Option<&'a [Acl]> {
        self.tree.acls.get(self.tree.arena.slot(self.id).acl)
    }

    /// Number of the list in [`Tree::acl_table`]; 0 is open.
    pub(crate) fn acl_number(&self) -> u32 {
        self.tree.arena.slot(self.id).acl
    }

    /// The stat as servers store it.
    pub fn stored(&self) -> NodeStat {
        self.tree.arena.stat(self.id)
    }

    /// The stat as clients see it: `cversion` counts deletes too, and only a session is an owner.
    pub fn stat(&self) -> Stat {
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let num_children = self.tree.arena.slot(self.id).children.cast_signed();
        let mut node = self.stored();
        node.cversion = node.cversion.wrapping_mul(2).wrapping_sub(num_children);
        if !self.tree.is_session(node.ephemeral_owner) {
            node.ephemeral_owner = 0;
        }
        Stat {
            node,
            data_length: number(self.data().map_or(0, <[u8]>::len)),
            num_children,
        }
    }

    /// The session that owns it, if it is ephemeral.
    pub fn owner(&self) -> Option<i64> {
        let owner = self.stored().ephemeral_owner;
        self.tree.is_session(owner).then_some(owner)
    }

    /// A child by its name.
    pub fn child(&self, name: &str) -> Option<Node<'a>> {
        let tree = self.tree;
        tree.arena.child(self.id, name).map(|id| Node { tree, id })
    }

    /// Children in no particular order.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let tree = self.tree;
        tree.arena.children(self.id).map(move |id| Node { tree, id })
    }
}

impl Tree {
    /// Lists that nodes refer to, by number.
    pub(crate) fn acl_table(&self) -> impl Iterator<Item = (u32, &[Acl])> {
        self.acls.iter()
    }
}
