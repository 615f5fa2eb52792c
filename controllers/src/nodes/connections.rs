//! Connections to node agents: one per node of a cluster, with a watch that keeps what is known up to date.

use super::dial::{self, Dial};
use super::follow;
use super::link::{CALL_TIMEOUT, Error, Link};
use super::order::{Order, Owner};
use super::refusal::Refusal;
use super::slot::Ids;
use super::view::NodeView;
use crate::key::ObjectKey;
use crate::leader::Term;
use mesolith_proto::node::v1::{Facts, GetFactsRequest};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc::UnboundedSender;

/// Every node's connection, by cluster and name. They end with the term.
pub(crate) struct Nodes {
    clusters: Mutex<HashMap<String, HashMap<String, Node>>>,
    changed: UnboundedSender<ObjectKey>,
    term: Term,
}

struct Node {
    address: String,
    fingerprint: String,
    ids: Ids,
    link: Arc<Link>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Nodes {
    /// No connections yet. `changed` is told the owner of every node that shows something new.
    pub(crate) fn new(changed: UnboundedSender<ObjectKey>, term: Term) -> Self {
        Self {
            clusters: Mutex::default(),
            changed,
            term,
        }
    }

    /// Follows exactly these nodes (name to address) from now on; returns what is known of each.
    pub(crate) fn follow(
        &self,
        owner: &Owner,
        wanted: &BTreeMap<String, String>,
        dial: &Arc<Dial>,
    ) -> BTreeMap<String, NodeView> {
        let mut clusters = self.lock();
        let nodes = clusters.entry(owner.uid.clone()).or_default();
        // With other ids, what is known of a node belongs to other components.
        nodes.retain(|name, node| wanted.get(name) == Some(&node.address) && node.ids == owner.ids);
        // The operator renews its own certificate from time to time; what was seen of a node stays true.
        let mut seen = BTreeMap::new();
        nodes.retain(|name, node| {
            let stays = node.fingerprint == dial.fingerprint();
            if !stays {
                seen.insert(name.clone(), node.link.seen());
            }
            stays
        });
        for (name, address) in wanted {
            nodes.entry(name.clone()).or_insert_with(|| {
                let seen = seen.remove(name).unwrap_or_default();
                let link = Arc::new(Link::new(name, address, dial, seen));
                let task = follow::run(link.clone(), owner.clone(), dial.clone(), self.changed.clone());
                Node {
                    address: address.clone(),
                    fingerprint: dial.fingerprint().to_owned(),
                    ids: owner.ids.clone(),
                    link,
                    task: self.term.spawn(task),
                }
            });
        }
        nodes
            .iter()
            .map(|(name, node)| (name.clone(), node.link.view()))
            .collect()
    }

    /// Ends every connection of a cluster.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Tells a node what to do.
    ///
    /// # Errors
    /// The node is not followed, cannot be reached or refuses.
    pub(crate) async fn tell(&self, owner: &Owner, node: &str, order: Order) -> Result<(), Error> {
        let link = {
            let clusters = self.lock();
            let found = clusters.get(&owner.uid).and_then(|nodes| nodes.get(node));
            found.map(|node| node.link.clone())
        };
        let link = link.ok_or_else(|| Error::FindNode(node.to_owned()))?;
        link.tell(order.request(owner)).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Node>>> {
        self.clusters.lock().unwrap_or_else(|e| e.into_inner())
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
