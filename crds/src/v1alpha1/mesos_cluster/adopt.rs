//! The end of a migration: the spec that says what the form has made of the cluster, and the status without the form.
//!
//! Components of side B have the second id of their kind on the nodes (`master2`). When the form goes, the status
//! remembers those kinds, so that the same components are the cluster's own and nothing restarts.

use std::collections::BTreeSet;

use super::node_sets::names;
use super::{ClusterForm, ComponentKind, MesosClusterSpec, MesosClusterStatus};
use crate::condition::SPEC_BEHIND;
use crate::v1alpha1::zk_migration::{Direction, Phase};

impl ClusterForm {
    /// Whether cluster A is gone for good, so that only the spec still speaks of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let last = (self.phase, self.direction) == (Phase::RemoveZk, Direction::Forward);
        last && !self.source_parts.zookeeper && !self.source_parts.masters && self.sync.is_none()
    }

    /// The spec that says what this form makes of a cluster of that spec. A spec that says so already stays as it is.
    #[must_use]
    pub fn adopted(&self, spec: &MesosClusterSpec) -> MesosClusterSpec {
        let mut adopted = MesosClusterSpec {
            nodes: self.target.with_nodes_of(&spec.nodes),
            zookeeper: self.target.zookeeper.clone(),
            masters: self.target.masters.clone(),
            ..spec.clone()
        };
        if self.moves_agents() {
            adopted.agents.clone_from(&self.target.agents);
        }
        let used = used(&adopted);
        adopted
            .nodes
            .retain(|set| names(&set.name).any(|name| used.contains(&name)));
        adopted
    }

    /// Whether the agents are others than before; when they were repointed they are the same.
    fn moves_agents(&self) -> bool {
        !self.target.agents.is_empty()
    }

    /// Kinds whose components are those of side B once the migration is through.
    fn moved(&self) -> impl Iterator<Item = ComponentKind> {
        let zookeeper = self.target.zookeeper.nodes.is_some();
        let all = [
            (zookeeper, ComponentKind::ZooKeeper),
            (true, ComponentKind::Master),
            (self.moves_agents(), ComponentKind::Agent),
        ];
        all.into_iter().filter(|(moved, _)| *moved).map(|(_, kind)| kind)
    }
}

impl MesosClusterStatus {
    /// Takes the form away. After a migration that is through, what was side B is the cluster itself from now on; after
    /// one that was taken back nothing of it is left.
    pub fn release(&mut self) {
        let Some(form) = self.form.take() else { return };
        if form.is_final() {
            self.zookeeper_ids.append(&mut self.target_zookeeper_ids);
            for kind in form.moved() {
                match self.second_components.iter().position(|second| *second == kind) {
                    Some(at) => drop(self.second_components.remove(at)),
                    None => self.second_components.push(kind),
                }
            }
            self.second_components.sort();
        }
        self.target_zookeeper_ids.clear();
        self.sides.clear();
        self.observed_form = None;
        self.manifest_to_apply = None;
        self.conditions.retain(|condition| condition.type_ != SPEC_BEHIND);
    }
}

/// Names of all nodes with a role.
fn used(spec: &MesosClusterSpec) -> BTreeSet<String> {
    let agents = spec.agents.iter().map(|group| &group.nodes);
    let roles = [&spec.masters.nodes]
        .into_iter()
        .chain(&spec.zookeeper.nodes)
        .chain(agents);
    roles.flat_map(|expression| names(expression)).collect()
}
