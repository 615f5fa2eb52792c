//! The clusters on this node: takes new desired sets into the ledger and keeps one supervisor per component.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesolith_process::{Adopted, adopt};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

use crate::component::{ClusterRef, DesiredSet};
use crate::desired::{self, Accepted, KnownIds, Refusal, RemovalRequest};
use crate::ledger::{self, Ledger};
use crate::node::Node;
use crate::supervisor::{Order, Supervisor};
use crate::{archive, crash};

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

struct Cluster {
    set: DesiredSet,
    supervisors: BTreeMap<String, watch::Sender<Order>>,
}

/// A component that is gone: cluster uid and component id.
type Gone = (String, String);

pub(crate) struct Manager {
    node: Arc<Node>,
    state: Mutex<State>,
    gone: mpsc::UnboundedSender<Gone>,
}

struct State {
    ledger: Ledger,
    clusters: BTreeMap<String, Cluster>,
    tasks: JoinSet<()>,
}

impl Manager {
    /// Starts supervisors for what the ledger says.
    pub(crate) async fn start(node: Arc<Node>, ledger: Ledger, sets: Vec<DesiredSet>) -> Arc<Self> {
        let (gone, mut ended) = mpsc::unbounded_channel::<Gone>();
        let state = State {
            ledger,
            clusters: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        let this = Arc::new(Self {
            node,
            state: Mutex::new(state),
            gone,
        });
        for set in sets {
            let mut state = this.state.lock().await;
            this.conduct(&mut state, set);
        }
        let manager = Arc::downgrade(&this);
        tokio::spawn(async move {
            while let Some((uid, id)) = ended.recv().await {
                let Some(manager) = manager.upgrade() else { return };
                manager.component_gone(&uid, &id).await;
            }
        });
        this
    }

    /// Stores a desired set and starts to converge.
    pub(crate) async fn apply(&self, set: DesiredSet, sender: &KnownIds) -> Result<u64, Error> {
        let mut state = self.state.lock().await;
        let known = state.clusters.get(&set.cluster.uid).map(|c| &c.set);
        let generation = set.generation;
        match desired::apply(known, set, sender).inspect_err(|_| {
            self.node.metrics.refused.inc();
        })? {
            Accepted::AlreadyStored => {}
            Accepted::Store(set) => self.store(&mut state, set)?,
        }
        Ok(generation)
    }

    /// Starts the removal of a cluster, or a step of it. A cluster that is not here is gone already.
    pub(crate) async fn remove(&self, cluster: &ClusterRef, request: &RemovalRequest) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let Some(known) = state.clusters.get(&cluster.uid).map(|c| &c.set) else {
            return Ok(());
        };
        match desired::remove(known, request)? {
            Accepted::AlreadyStored => {}
            Accepted::Store(set) => self.store(&mut state, set)?,
        }
        Ok(())
    }

    /// Whether nothing of a cluster is left.
    pub(crate) async fn is_gone(&self, uid: &str) -> bool {
        !self.state.lock().await.clusters.contains_key(uid)
    }

    pub(crate) fn archives(&self, cluster: &ClusterRef) -> Vec<String> {
        archive::archives(&self.node.layout, &cluster.name)
    }

    /// Waits for the supervisors, which leave their components running.
    pub(crate) async fn finish(&self) {
        let mut state = self.state.lock().await;
        while state.tasks.join_next().await.is_some() {}
    }

    /// Stops every component; the ledger still wants them, so the next start brings them back.
    pub(crate) async fn stop_components(&self) {
        let state = self.state.lock().await;
        let mut stops = JoinSet::new();
        for uid in state.clusters.keys() {
            for id in self.node.layout.components_on_disk(uid) {
                let home = self.node.layout.component(uid, &id);
                stops.spawn(async move {
                    if let Ok(Adopted::Running(process)) = adopt(&home.run()).await {
                        let _ = process.stop(std::time::Duration::from_secs(10)).await;
                    }
                });
            }
        }
        while stops.join_next().await.is_some() {}
    }

    fn store(&self, state: &mut State, set: DesiredSet) -> Result<(), ledger::Error> {
        crash::point("before-ledger");
        state.ledger.store(&set)?;
        crash::point("ledger-written");
        self.node.metrics.applied.inc();
        tracing::info!(cluster = %set.cluster.name, generation = set.generation, components = set.components.len(), "new desired set");
        self.conduct(state, set);
        Ok(())
    }

    /// Gives an order to every component that is wanted or still here.
    fn conduct(&self, state: &mut State, set: DesiredSet) {
        let uid = set.cluster.uid.clone();
        let supervisors = state
            .clusters
            .remove(&uid)
            .map(|c| c.supervisors)
            .unwrap_or_default();
        let mut ids: Vec<String> = set.components.iter().map(|c| c.id.clone()).collect();
        ids.extend(self.node.layout.components_on_disk(&uid));
        ids.extend(supervisors.keys().cloned());
        ids.sort();
        ids.dedup();
        self.node.board.show_set(&set, ids.iter().cloned());
        let mut cluster = Cluster { set, supervisors };
        for id in ids {
            self.order(&mut cluster, &id, &mut state.tasks);
        }
        state.clusters.insert(uid.clone(), cluster);
        self.conclude(state, &uid);
    }

    fn order(&self, cluster: &mut Cluster, id: &str, tasks: &mut JoinSet<()>) {
        let order = Order {
            generation: cluster.set.generation,
            component: cluster.set.component(id).cloned(),
            archive: cluster.set.removing.is_none_or(|removal| removal.archive),
        };
        if let Some(orders) = cluster.supervisors.get(id)
            && orders.send(order.clone()).is_ok()
        {
            return;
        }
        let (orders, receiver) = watch::channel(order);
        cluster.supervisors.insert(id.to_owned(), orders);
        let supervisor = Supervisor::new(self.node.clone(), cluster.set.cluster.clone(), id, receiver);
        let (gone, names) = (
            self.gone.clone(),
            (cluster.set.cluster.uid.clone(), id.to_owned()),
        );
        tasks.spawn(async move {
            if supervisor.run().await {
                let _ = gone.send(names);
            }
        });
    }

    async fn component_gone(&self, uid: &str, id: &str) {
        let mut guard = self.state.lock().await;
        let state = &mut *guard;
        // Ended supervisors must not pile up.
        while state.tasks.try_join_next().is_some() {}
        let Some(cluster) = state.clusters.get_mut(uid) else {
            return;
        };
        cluster.supervisors.remove(id);
        if cluster.set.component(id).is_some() {
            // It is wanted again since it was told to go.
            self.order(cluster, id, &mut state.tasks);
            return;
        }
        self.node.board.drop_component(uid, id);
        self.conclude(state, uid);
    }

    /// Forgets a cluster that is being removed once nothing of it is left.
    fn conclude(&self, state: &mut State, uid: &str) {
        let finished = |c: &Cluster| c.set.removing.is_some() && c.supervisors.is_empty();
        if !state.clusters.get(uid).is_some_and(finished) {
            return;
        }
        // A directory that is not empty holds something that is not ours to delete.
        let _ = std::fs::remove_dir(self.node.layout.cluster(uid));
        match state.ledger.forget(uid) {
            Ok(()) => {
                state.clusters.remove(uid);
                self.node.board.drop_cluster(uid);
            }
            // The operator repeats Remove until the cluster is gone, which tries this again.
            Err(error) => tracing::error!(%error, "failed to forget a removed cluster"),
        }
    }
}
