//! What every reconciler has at hand. Made anew for each term as leader: what is spawned from it ends with the term.

use crate::leader::Term;
use crate::metrics::Metrics;
use crate::report::Announcer;
use kube::Client;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Shared by the controllers of one term.
pub(crate) struct Context {
    /// Counts writes, and refuses them once the term is over.
    pub(crate) client: Client,
    /// Name of this replica.
    pub(crate) identity: String,
    /// What the operator counts.
    pub(crate) metrics: Metrics,
    /// Events on transitions.
    pub(crate) announcer: Announcer,
    /// Connections to node agents.
    pub(crate) nodes: crate::nodes::Nodes,
    /// Subscriptions of the Marathon framework, one per MesosCluster.
    pub(crate) frameworks: crate::marathon_app::Frameworks,
    over: CancellationToken,
}

impl Context {
    /// The context of a term.
    pub(crate) fn new(client: Client, identity: String, metrics: Metrics, term: &Term) -> Self {
        Self {
            announcer: Announcer::new(client.clone(), identity.clone()),
            nodes: crate::nodes::Nodes::default(),
            frameworks: crate::marathon_app::Frameworks::default(),
            over: term.token(),
            client,
            identity,
            metrics,
        }
    }

    /// Cancelled when the term ends.
    pub(crate) fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// Spawns a task that is dropped at the end of the term.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let over = self.over.clone();
        tokio::spawn(async move {
            tokio::select! { () = task => {}, () = over.cancelled() => {} }
        })
    }
}
