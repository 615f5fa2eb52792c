//! The present state of every component, shown to whoever watches.

use std::collections::BTreeMap;

use mesolith_proto::live::MAY_LEAD;
use mesolith_proto::node::v1 as pb;
use tokio::sync::watch;

use crate::component::{ClusterRef, Component, DesiredSet};

/// A component as it is shown, and the generations that this is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct View {
    pub(crate) state: pb::ComponentState,
    /// Of the set whose configuration it runs with.
    pub(crate) settled: u64,
    /// Of the live settings (`Live::generation`).
    pub(crate) live: u64,
}

impl View {
    /// Takes what the ledger says.
    fn follow(&mut self, wanted: Option<&Component>) {
        self.state.spec_digest = wanted.map(|c| c.spec_digest.clone()).unwrap_or_default();
        self.state.live = wanted.map(|c| pb::LiveSettings {
            may_lead: c.live.may_lead,
            parked: c.live.parked.then_some(true),
        });
        self.about(wanted);
    }

    /// From now on this is about the live settings of `wanted`: what was said about others says nothing about these.
    pub(crate) fn about(&mut self, wanted: Option<&Component>) {
        let live = wanted.map_or(0, |c| c.live.generation);
        if self.live != live {
            self.live = live;
            self.state.facts.remove(MAY_LEAD);
            self.state.not_running = false;
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct ClusterView {
    cluster: ClusterRef,
    generation: u64,
    observed: u64,
    removing: bool,
    /// As in the ledger.
    wanted: Vec<Component>,
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
                    wanted: Vec::new(),
                    components: BTreeMap::new(),
                });
            view.cluster = set.cluster.clone();
            view.generation = set.generation;
            view.removing = set.removing.is_some();
            view.wanted = set.components.clone();
            for id in on_node {
                let wanted = set.component(&id);
                let shown = view.components.entry(id.clone()).or_insert_with(|| View {
                    state: pb::ComponentState {
                        id,
                        phase: pb::Phase::Pending.into(),
                        ..Default::default()
                    },
                    ..View::default()
                });
                shown.follow(wanted);
            }
            view.observe();
        });
    }

    /// What the ledger says is shown as it is now: a supervisor may be busy with an earlier order.
    pub(crate) fn show_component(&self, uid: &str, view: &View) {
        self.change(|clusters| {
            if let Some(cluster) = clusters.get_mut(uid) {
                let mut view = view.clone();
                view.follow(cluster.wanted.iter().find(|c| c.id == view.state.id));
                cluster.components.insert(view.state.id.clone(), view);
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
    use crate::component::Live;
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
            let view = View {
                state,
                settled,
                ..View::default()
            };
            board.show_component("u-1", &view);
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

    #[test]
    fn what_is_said_about_other_live_settings_is_not_shown() {
        let board = Board::default();
        let told = |generation, may_lead| {
            let live = Live {
                may_lead: Some(may_lead),
                generation,
                ..Live::default()
            };
            let master = Component { live, ..zookeeper() };
            board.show_set(&set(generation, vec![master]), ["zookeeper".into()].into_iter());
        };
        let says = |live, may_lead: &str, not_running| {
            let state = pb::ComponentState {
                id: "zookeeper".into(),
                facts: [(MAY_LEAD.to_owned(), may_lead.to_owned())].into(),
                not_running,
                ..Default::default()
            };
            let view = View {
                state,
                live,
                ..View::default()
            };
            board.show_component("u-1", &view);
        };
        let cannot_lead = || board.state("u-1").clusters[0].components[0].cannot_lead();
        told(1, false);
        says(1, "false", false);
        assert!(cannot_lead());
        told(2, true);
        assert!(!cannot_lead());
        // Told again before it has read that it may lead: what it says about the first time is no answer.
        told(3, false);
        assert!(!cannot_lead());
        says(1, "false", false);
        says(2, "true", true);
        assert!(!cannot_lead());
        says(3, "true", true);
        assert!(cannot_lead());
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
