//! What every reconciler has at hand. It is made anew for each term as leader, and what it spawns ends with the term.

use crate::controller::Trigger;
use crate::leader::Term;
use crate::metrics::Metrics;
use crate::report::Announcer;
use kube::Client;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

/// A master that does not even take the connection is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// Subscriptions of the Marathon framework, one per MesosCluster; they outlive the term.
    pub(crate) frameworks: crate::marathon_app::Frameworks,
    /// Ways to reach the nodes of each cluster.
    pub(crate) dials: crate::mesos_cluster::Dials,
    /// Plain HTTP, to masters.
    pub(crate) http: reqwest::Client,
    /// Asks for a reconcile of a MesosCluster.
    pub(crate) triggers: UnboundedSender<Trigger>,
    triggered: Mutex<Option<UnboundedReceiver<Trigger>>>,
    over: CancellationToken,
}

impl Context {
    /// The context of a term.
    pub(crate) fn new(
        client: Client,
        identity: String,
        metrics: Metrics,
        frameworks: crate::marathon_app::Frameworks,
        term: &Term,
    ) -> Self {
        let (triggers, triggered) = mpsc::unbounded_channel();
        Self {
            dials: crate::mesos_cluster::Dials::default(),
            // Names are resolved and sockets opened later, so building cannot fail with these settings. A default
            // client differs only in its time limit.
            http: reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                // Plain HTTP only; without this a container that has no CA certificates makes it fail.
                .tls_certs_only([])
                .build()
                .unwrap_or_default(),
            triggers,
            triggered: Mutex::new(Some(triggered)),
            announcer: Announcer::new(client.clone(), identity.clone()),
            nodes: crate::nodes::Nodes::default(),
            frameworks,
            over: term.token(),
            client,
            identity,
            metrics,
        }
    }

    /// The stream behind `triggers`; the first caller gets it.
    pub(crate) fn take_cluster_triggers(&self) -> UnboundedReceiverStream<Trigger> {
        let taken = self.triggered.lock().unwrap_or_else(|e| e.into_inner()).take();
        UnboundedReceiverStream::new(taken.unwrap_or_else(|| mpsc::unbounded_channel().1))
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
