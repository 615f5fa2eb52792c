//! What is known of one node, shared by its follower and the reconciles.

use super::dial::{Dial, request, sentence};
use super::order::Request;
use super::view::{Ledger, NodeView};
use mesolith_proto::node::v1::node_client::NodeClient;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tonic::transport::Channel;

/// Nodes answer at once. This limit is for a network that drops packets.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// A call to a node that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The node is not one of the cluster.
    #[error("{0} is not connected")]
    FindNode(String),
    /// The node did not take its component set.
    #[error("{node} did not take its component set: {message}")]
    Apply {
        /// Name of the node.
        node: String,
        /// What it answered.
        message: String,
    },
    /// The node did not remove the cluster.
    #[error("{node} did not remove the cluster: {message}")]
    Remove {
        /// Name of the node.
        node: String,
        /// What it answered.
        message: String,
    },
}

/// The way to one node, and what was seen of it.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) client: Result<NodeClient<Channel>, String>,
    seen: Mutex<Seen>,
}

/// What a node has shown and accepted.
#[derive(Clone, Default)]
pub(super) struct Seen {
    view: NodeView,
    /// The generation that the node has accepted last, until it shows it.
    sent: u64,
}

impl Link {
    /// A new way to a node of which something may be known already.
    pub(super) fn new(name: &str, address: &str, dial: &Dial, seen: Seen) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            client: dial.client(name, address),
            seen: Mutex::new(seen),
        }
    }

    /// What is known, for a new way to the same node.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Tells the node what to do; its watch tells when that is done.
    pub(super) async fn tell(&self, order: Request) -> Result<(), Error> {
        let node = self.place();
        let apply_failed = |message| Error::Apply {
            node: node.clone(),
            message,
        };
        let remove_failed = |message| Error::Remove {
            node: node.clone(),
            message,
        };
        let sent = match order {
            Request::Apply(apply) => {
                let generation = apply.generation;
                let mut client = self.client.clone().map_err(apply_failed)?;
                let answer = client.apply(request(apply, CALL_TIMEOUT)).await;
                answer.map_err(|status| apply_failed(sentence(&status)))?;
                generation
            }
            Request::Remove(remove) => {
                let mut client = self.client.clone().map_err(remove_failed)?;
                let answer = client.remove(request(remove, CALL_TIMEOUT)).await;
                answer.map_err(|status| remove_failed(sentence(&status)))?;
                // What was applied before is not shown any more.
                0
            }
        };
        self.lock().sent = sent;
        Ok(())
    }

    /// `cp3 (192.0.2.13:7070)`.
    pub(super) fn place(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    pub(super) fn view(&self) -> NodeView {
        let seen = self.lock();
        let mut view = seen.view.clone();
        if let NodeView::Seen(Ledger {
            generation, stale, ..
        }) = &mut view
        {
            *stale = *generation < seen.sent;
        }
        view
    }

    /// Stores what was seen; returns whether that is new.
    pub(super) fn note(&self, view: NodeView) -> bool {
        let mut seen = self.lock();
        let news = seen.view != view;
        seen.view = view;
        news
    }

    /// A new watch begins with the node's present ledger, so nothing that was sent before is outstanding.
    pub(super) fn reconnected(&self) {
        self.lock().sent = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|e| e.into_inner())
    }
}
