//! The sides of a cluster: its spec, and while it moves what the form on record adds and takes away. Pure.
//!
//! A cluster that does not move has one side, which is all of its spec.

use super::ids;
use super::validate::{Error, Valid, validate};
use mesolith_crds::v1alpha1::MesosClusterStatus;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterForm, ClusterSide, MesosClusterSpec, Node, Parts};
use std::collections::BTreeMap;

/// One side.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// Which one.
    pub(crate) side: ClusterSide,
    /// Its part of the spec, or what the form has in the words of a spec.
    pub(crate) spec: MesosClusterSpec,
    /// The same, parsed.
    pub(crate) valid: Valid,
    /// Its ZooKeeper server ids by node.
    pub(crate) server_ids: BTreeMap<String, u32>,
    /// What of it exists now.
    pub(crate) parts: Parts,
}

/// The sides of a cluster, the spec's first.
#[derive(Debug, Clone)]
pub(crate) struct Sides {
    source: Side,
    target: Option<Side>,
    engines: Vec<String>,
}

impl Sides {
    /// Parses spec and form; `name` is the object's.
    pub(crate) fn of(
        name: &str,
        spec: &MesosClusterSpec,
        before: &MesosClusterStatus,
    ) -> Result<Self, Error> {
        let valid = validate(name, spec)?;
        let source = Side {
            side: ClusterSide::Source,
            server_ids: ids::assign(
                &before.zookeeper_ids,
                &before.target_zookeeper_ids,
                &valid.zookeeper,
            ),
            spec: spec.clone(),
            valid,
            parts: before.form.as_ref().map_or(Parts::ALL, |form| form.source_parts),
        };
        let target = match &before.form {
            Some(form) => Some(target(name, spec, before, form, &source)?),
            None => None,
        };
        let sync = before.form.as_ref().and_then(|form| form.sync.as_ref());
        Ok(Self {
            source,
            target,
            engines: sync.map(|sync| sync.nodes.clone()).unwrap_or_default(),
        })
    }

    /// The side of the spec.
    pub(crate) fn source(&self) -> &Side {
        &self.source
    }

    /// The side that the form adds.
    pub(crate) fn target(&self) -> Option<&Side> {
        self.target.as_ref()
    }

    /// One or both.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.source).chain(&self.target)
    }

    /// That side, if there is one.
    pub(crate) fn get(&self, side: ClusterSide) -> Option<&Side> {
        self.iter().find(|found| found.side == side)
    }

    /// Nodes that run the sync engine.
    pub(crate) fn engine_nodes(&self) -> &[String] {
        &self.engines
    }

    /// The node of that name.
    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.iter().find_map(|side| side.valid.nodes.get(name))
    }

    /// Every node that may be used.
    pub(crate) fn nodes(&self) -> BTreeMap<String, Node> {
        let all = self.iter().flat_map(|side| &side.valid.nodes);
        all.map(|(name, node)| (name.clone(), node.clone())).collect()
    }
}

fn target(
    name: &str,
    spec: &MesosClusterSpec,
    before: &MesosClusterStatus,
    form: &ClusterForm,
    source: &Side,
) -> Result<Side, Error> {
    let of_target = MesosClusterSpec {
        // Clients see one cluster.
        cluster_name: Some(source.valid.cluster_name.clone()),
        nodes: form.target.with_nodes_of(&spec.nodes),
        zookeeper: form.target.zookeeper.clone(),
        masters: form.target.masters.clone(),
        agents: form.target.agents.clone(),
        ..spec.clone()
    };
    let valid = validate(name, &of_target)?;
    Ok(Side {
        side: ClusterSide::Target,
        server_ids: ids::assign(&before.target_zookeeper_ids, &source.server_ids, &valid.zookeeper),
        spec: of_target,
        valid,
        parts: form.target_parts,
    })
}
