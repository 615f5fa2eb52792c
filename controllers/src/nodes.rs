//! Connections to node agents: one per node of a cluster, with a watch that keeps what is known up to date.
//!
//! A reconcile reads what was seen last and never waits for a node; a change on a node triggers a reconcile.

mod dial;
mod follow;
mod refusal;

pub(crate) use dial::{Dial, Error as DialError};
pub(crate) use refusal::Refusal;

use crate::context::Context;
use crate::controller::Trigger;
use crate::mesos_cluster::model::{Ledger, NodeView};
use mesolith_proto::node::v1::node_client::NodeClient;
use mesolith_proto::node::v1::{ApplyRequest, Facts, GetFactsRequest, RemoveRequest};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tonic::transport::Channel;

/// Nodes answer at once. This limit is for a network that drops packets.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

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

/// The cluster that nodes belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// `metadata.uid` of the MesosCluster.
    pub(crate) uid: String,
    /// The object to reconcile when a node changes.
    pub(crate) object: Trigger,
}

/// Every node's connection, by cluster and name.
#[derive(Default)]
pub(crate) struct Nodes {
    clusters: Mutex<HashMap<String, HashMap<String, Node>>>,
}

struct Node {
    address: String,
    fingerprint: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// State that a node's follower and the reconciles share.
pub(crate) struct Shared {
    name: String,
    address: String,
    client: Result<NodeClient<Channel>, String>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Default)]
struct Seen {
    view: NodeView,
    /// The generation that the node has accepted last, until it shows it.
    sent: u64,
}

impl Nodes {
    /// Follows exactly these nodes (name to address) from now on; returns what is known of each.
    pub(crate) fn follow(
        &self,
        cx: &Context,
        owner: &Owner,
        wanted: &BTreeMap<String, String>,
        dial: &Arc<Dial>,
    ) -> BTreeMap<String, NodeView> {
        let mut clusters = lock(&self.clusters);
        let nodes = clusters.entry(owner.uid.clone()).or_default();
        nodes.retain(|name, node| wanted.get(name) == Some(&node.address));
        // The operator renews its own certificate from time to time; what was seen of a node stays true.
        let mut seen = BTreeMap::new();
        nodes.retain(|name, node| {
            let stays = node.fingerprint == dial.fingerprint();
            if !stays {
                seen.insert(name.clone(), lock(&node.shared.seen).clone());
            }
            stays
        });
        for (name, address) in wanted {
            nodes.entry(name.clone()).or_insert_with(|| {
                let shared = Arc::new(Shared {
                    name: name.clone(),
                    address: address.clone(),
                    client: dial.client(name, address),
                    seen: Mutex::new(seen.remove(name).unwrap_or_default()),
                });
                let task = follow::run(shared.clone(), owner.clone(), dial.clone(), cx.triggers.clone());
                let task = cx.spawn(task);
                Node {
                    address: address.clone(),
                    fingerprint: dial.fingerprint().to_owned(),
                    shared,
                    task,
                }
            });
        }
        nodes
            .iter()
            .map(|(name, node)| (name.clone(), node.shared.view()))
            .collect()
    }

    /// Ends every connection of a cluster.
    pub(crate) fn forget(&self, uid: &str) {
        lock(&self.clusters).remove(uid);
    }

    fn shared(&self, uid: &str, node: &str) -> Result<Arc<Shared>, Error> {
        let clusters = lock(&self.clusters);
        let found = clusters
            .get(uid)
            .and_then(|nodes| nodes.get(node))
            .map(|node| node.shared.clone());
        found.ok_or_else(|| Error::FindNode(node.to_owned()))
    }

    /// Gives a node its whole component set.
    pub(crate) async fn apply(&self, uid: &str, node: &str, request: ApplyRequest) -> Result<(), Error> {
        let shared = self.shared(uid, node)?;
        let generation = request.generation;
        let failed = |message: String| Error::Apply {
            node: shared.place(),
            message,
        };
        let mut client = shared.client.clone().map_err(failed)?;
        client
            .apply(dial::request(request, CALL_TIMEOUT))
            .await
            .map_err(|s| failed(dial::sentence(&s)))?;
        lock(&shared.seen).sent = generation;
        Ok(())
    }

    /// Asks a node to stop what a cluster has there and to archive its data. Its watch tells when that is done.
    pub(crate) async fn remove(&self, uid: &str, node: &str, request: RemoveRequest) -> Result<(), Error> {
        let shared = self.shared(uid, node)?;
        let failed = |message: String| Error::Remove {
            node: shared.place(),
            message,
        };
        let mut client = shared.client.clone().map_err(failed)?;
        let answer = client.remove(dial::request(request, CALL_TIMEOUT)).await;
        answer.map_err(|s| failed(dial::sentence(&s)))?;
        // What was applied before is not shown any more.
        lock(&shared.seen).sent = 0;
        Ok(())
    }
}

/// Asks a node that need not be followed for its facts, once.
pub(crate) async fn facts(
    dial: &Dial,
    name: &str,
    address: &str,
    request: GetFactsRequest,
) -> Result<Facts, Refusal> {
    let mut client = dial.client(name, address).map_err(Refusal::undialled)?;
    let answer = client.get_facts(dial::request(request, CALL_TIMEOUT)).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| Refusal::new(address, &status))
}

impl Shared {
    /// `cp3 (192.0.2.13:7070)`.
    fn place(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    fn view(&self) -> NodeView {
        let seen = lock(&self.seen);
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
    fn note(&self, view: NodeView) -> bool {
        let mut seen = lock(&self.seen);
        let news = seen.view != view;
        seen.view = view;
        news
    }

    /// A new watch begins with the node's present ledger, so nothing that was sent before is outstanding.
    fn reconnected(&self) {
        lock(&self.seen).sent = 0;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
