//! Two trees that are kept equal hold most names and data in the same memory.

use super::arena::NodeId;
use super::{Node, Tree};

impl Tree {
    /// Has the node at a place hold its name and data together with an equal node of another tree. Nothing that can be
    /// read changes, and a later change of one tree does not show in the other.
    pub fn share(&mut self, place: usize, with: Node<'_>) {
        let id = NodeId::try_from(place)
            .ok()
            .filter(|_| self.arena.at(place).is_some());
        let theirs = with.tree.arena.content(with.id);
        if let (Some(id), Some(theirs)) = (id, theirs)
            && let Some(ours) = self.arena.content(id)
            && !ours.is_one_with(theirs)
            && ours == theirs
        {
            self.arena.set_content(id, theirs.clone());
        }
    }
}

impl Node<'_> {
    /// Whether both hold their name and data in the same memory, see [`Tree::share`].
    pub fn shares_with(&self, other: Node<'_>) -> bool {
        let contents = (
            self.tree.arena.content(self.id),
            other.tree.arena.content(other.id),
        );
        matches!(contents, (Some(ours), Some(theirs)) if ours.is_one_with(theirs))
    }
}
