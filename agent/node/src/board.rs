//! The present state of every component, shown to whoever watches.

use std::collections::BTreeMap;

use mesolith_proto::node::v1 as pb;
use tokio::sync::watch;

use crate::component::{ClusterRef, DesiredSet};

/// A component as it is shown, and the generation whose configuration it runs with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) state: pb::ComponentState,
    pub(crate) settled: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct ClusterView {
    cluster: ClusterRef,
    generation: u64,
    observed: u64,
    removing: bool,
    components: BTreeMap<String, View>,
}

impl ClusterView {
    /// Whether the node has converged: every component runs as this generation says, and the others are gone.
    fn observe(&mut self) {
        if self
            .components
            .values()
            .all(|view| view.settled >= self.generation)
        {
            self.observed = self.generation;
        }
    }
}

/// Cheap to share; writers are the supervisors, readers the node API and the metrics.
#[derive(Clone)]
pub(crate) struct Board {
    clusters: watch::Sender<BTreeMap<String, ClusterView>>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            clusters: watch::Sender::new(BTreeMap::new()),
        }
    }
}

impl Board {
    /// Shows a cluster's set; components keep their views.
    pub(crate) fn show_set(&self, set: &DesiredSet, on_node: impl Iterator<Item = String>) {
        self.change(|clusters| {
            let view = clusters
                .entry(set.cluster.uid.clone())
                .or_insert_with(|| ClusterView {
                    cluster: set.cluster.clone(),
                    generation: 0,
                    observed: 0,
                    removing: false,
                    components: BTreeMap::new(),
                });
            view.cluster = set.cluster.clone();
            view.generation = set.generation;
            view.removing = set.removing.is_some();
            for id in on_node {
                let spec_digest = set
                    .component(&id)
                    .map(|c| c.spec_digest.clone())
                    .unwrap_or_default();
                let shown = view.components.entry(id.clone()).or_insert_with(|| View {
                    state: pb::ComponentState {
                        id,
                        phase: pb::Phase::Pending.into(),
                        ..Default::default()
                    },
                    settled: 0,
                });
                shown.state.spec_digest = spec_digest;
            }
            view.observe();
        });
    }

    /// The sender's digest stays what the ledger says: a supervisor may be busy with an earlier order.
    pub(crate) fn show_component(&self, uid: &str, view: &View) {
        self.change(|clusters| {
            if let Some(cluster) = clusters.get_mut(uid) {
                let shown = cluster.components.get(&view.state.id);
                let spec_digest = shown.map(|v| v.state.spec_digest.clone()).unwrap_or_default();
                let state = pb::ComponentState {
                    spec_digest,
                    ..view.state.clone()
                };
                cluster.components.insert(
                    state.id.clone(),
                    View {
                        state,
                        settled: view.settled,
                    },
                );
                cluster.observe();
            }
        });
    }

    pub(crate) fn drop_component(&self, uid: &str, id: &str) {
        self.change(|clusters| {
            if let Some(cluster) = clusters.get_mut(uid) {
                cluster.components.remove(id);
                cluster.observe();
            }
        });
    }

    pub(crate) fn drop_cluster(&self, uid: &str) {
        self.change(|clusters| drop(clusters.remove(uid)));
    }

    /// Everything, or one cluster.
    pub(crate) fn state(&self, uid: &str) -> pb::NodeState {
        let clusters = self.clusters.borrow();
        let wanted = clusters
            .values()
            .filter(|view| uid.is_empty() || view.cluster.uid == uid);
        pb::NodeState {
            clusters: wanted.map(to_wire).collect(),
        }
    }

    /// Wakes on every change.
    pub(crate) fn subscribe(&self) -> impl Changes {
        self.clusters.subscribe()
    }

    fn change(&self, edit: impl FnOnce(&mut BTreeMap<String, ClusterView>)) {
        self.clusters.send_if_modified(|clusters| {
            let before = clusters.clone();
            edit(clusters);
            *clusters != before
        });
    }
}

/// Hides what the board keeps from those who only want to know when to look again.
pub(crate) trait Changes: Send + 'static {
    /// Resolves at the next change; false once there will be none.
    fn next(&mut self) -> impl Future<Output = bool> + Send;
}

impl<T: Send + Sync + 'static> Changes for watch::Receiver<T> {
    async fn next(&mut self) -> bool {
        self.changed().await.is_ok()
    }
}

fn to_wire(view: &ClusterView) -> pb::ClusterState {
    pb::ClusterState {
        cluster: Some(pb::ClusterRef {
            uid: view.cluster.uid.clone(),
            name: view.cluster.name.clone(),
        }),
        generation: view.generation,
        observed_generation: view.observed,
        components: view.components.values().map(|c| c.state.clone()).collect(),
        removing: view.removing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::{set, zookeeper};

    #[test]
    fn a_generation_is_observed_once_everything_runs_with_it() {
        let board = Board::default();
        let observed = || board.state("u-1").clusters[0].observed_generation;
        let settle = |id: &str, settled| {
            let state = pb::ComponentState {
                id: id.into(),
                ..Default::default()
            };
            board.show_component("u-1", &View { state, settled });
        };
        board.show_set(&set(1, vec![zookeeper()]), ["zookeeper".into()].into_iter());
        assert_eq!(observed(), 0);
        settle("zookeeper", 1);
        assert_eq!(observed(), 1);
        // The next set drops it and brings a master: observed once the one is gone and the other runs.
        board.show_set(&set(2, vec![]), ["zookeeper".into(), "master".into()].into_iter());
        settle("master", 2);
        assert_eq!(observed(), 1);
        board.drop_component("u-1", "zookeeper");
        assert_eq!(observed(), 2);
    }

    #[tokio::test]
    async fn nobody_is_woken_for_nothing() {
        let board = Board::default();
        let plain = set(1, vec![]);
        board.show_set(&plain, std::iter::empty());
        let mut changes = board.clusters.subscribe();
        board.show_set(&plain, std::iter::empty());
        assert!(!changes.has_changed().unwrap());
        board.drop_cluster("u-1");
        assert!(changes.next().await);
    }
}
