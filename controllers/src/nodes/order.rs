//! What a node can be told about one cluster.

use super::slot::{Ids, Kind};
use crate::key::ObjectKey;
use mesolith_proto::node::v1::{ApplyRequest, ClusterRef, Component, RemoveRequest};

/// The cluster that nodes belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// `metadata.uid` of the MesosCluster.
    pub(crate) uid: String,
    /// The object to reconcile when a node changes.
    pub(crate) object: ObjectKey,
    /// The ids of its components.
    pub(crate) ids: Ids,
}

/// An order to one node. Each has a generation that is greater than every one before on that node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// From now on this is the whole component set.
    Apply {
        /// Of the set.
        generation: u64,
        /// The whole set.
        components: Vec<Component>,
    },
    /// The cluster goes on without this node: stop and archive what it has there. What a newer operator put there is
    /// its own.
    Leave {
        /// Of the order.
        generation: u64,
    },
    /// The cluster is deleted: stop everything but these kinds. Without kinds also what this operator does not know.
    End {
        /// Of the order.
        generation: u64,
        /// Whether data is archived; otherwise it is deleted.
        archive: bool,
        /// Kinds that stay for now.
        keep: &'static [Kind],
    },
}

/// The same on the wire.
pub(super) enum Request {
    Apply(ApplyRequest),
    Remove(RemoveRequest),
}

impl Order {
    /// The call that carries it.
    pub(super) fn request(self, owner: &Owner) -> Request {
        let cluster = Some(ClusterRef {
            uid: owner.uid.clone(),
            name: owner.object.to_string(),
        });
        match self {
            Order::Apply {
                generation,
                components,
            } => Request::Apply(ApplyRequest {
                cluster,
                generation,
                components,
                known_ids: known_ids(),
            }),
            Order::Leave { generation } => Request::Remove(RemoveRequest {
                cluster,
                archive: true,
                generation,
                keep: Vec::new(),
                known_ids: known_ids(),
            }),
            Order::End {
                generation,
                archive,
                keep,
            } => Request::Remove(RemoveRequest {
                cluster,
                archive,
                generation,
                keep: ids_of(keep),
                known_ids: if keep.is_empty() { Vec::new() } else { known_ids() },
            }),
        }
    }
}

/// Of another component on a node this operator does not decide.
fn known_ids() -> Vec<String> {
    Ids::ALL.map(str::to_owned).to_vec()
}

/// Of both sides.
fn ids_of(kinds: &[Kind]) -> Vec<String> {
    let ids = Ids::default();
    let is_kept = |id: &&&str| ids.slot(id).is_some_and(|slot| kinds.contains(&slot.kind));
    Ids::ALL
        .iter()
        .filter(is_kept)
        .map(|id| (*id).to_owned())
        .collect()
}
