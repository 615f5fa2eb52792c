//! The sync engine between the two ensembles of a cluster that moves, as components of its nodes. Pure.

use super::model::Desired;
use super::sides::{Side, Sides};
use crate::http::host_port;
use crate::nodes::{Kind, Slot};
use crate::sync_engine::{self, Access, ENGINE_PORT, Plan, Root, Settings, Strategy, Writer};
use mesolith_crds::period::Period;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterForm, ClusterSide, FormRoot, FormSync, Writes};
use mesolith_crds::v1alpha1::zk_migration::ConflictResolution;
use std::time::Duration;

/// The engine's own default.
const DEFAULT_LAG: Duration = Duration::from_millis(100);

/// Adds the engine to the nodes that are to run it.
pub(super) fn add(desired: &mut Desired, sides: &Sides, form: Option<&ClusterForm>, sync: &FormSync) {
    let (Some(target), Some(form)) = (sides.target(), form) else {
        return;
    };
    let writer = |writes: Writes| match writes {
        Writes::Source => Writer::A,
        Writes::Target => Writer::B,
        Writes::Both => Writer::Both,
    };
    let root = |root: &FormRoot| Root {
        path: root.path.clone(),
        on_b: None,
        writer: writer(root.writes),
    };
    let plan = Plan {
        // A part of the uid is enough to tell migrations apart, and keeps the path of the engine's socket short.
        name: form.uid.split('-').next().unwrap_or_default().to_owned(),
        a: access(sides.source()),
        b: access(target),
        port: ENGINE_PORT,
        settings: Settings {
            generation: u64::try_from(sync.generation).unwrap_or(1),
            roots: sync.roots.iter().map(root).collect(),
            strategy: match sync.conflict_resolution {
                ConflictResolution::SourceWins => Strategy::SourceWins,
                ConflictResolution::LastWriteWins => Strategy::LastWriteWins,
                ConflictResolution::Manual => Strategy::Manual,
            },
            batch_size: sync.batch_size.map(Into::into),
            lag_threshold: sync
                .lag_threshold
                .as_ref()
                .map(|period| Period::duration_or(Some(period), DEFAULT_LAG)),
            ..Settings::default()
        },
        ..Plan::default()
    };
    for name in &sync.nodes {
        if let Some(node) = target.valid.nodes.get(name) {
            let slot = Slot::on(ClusterSide::Target, Kind::Sync);
            let engine = sync_engine::component(&plan, node.host());
            desired.entry(name.clone()).or_default().insert(slot, engine);
        }
    }
}

/// How an engine reaches the ensemble: with the quorum port where the servers are ours.
fn access(side: &Side) -> Access {
    let servers = side
        .valid
        .zookeeper
        .iter()
        .filter_map(|name| side.valid.nodes.get(name));
    let ports = (
        side.spec.zookeeper.client_port(),
        side.spec.zookeeper.quorum_port(),
    );
    let ours: Vec<String> = servers
        .map(|node| format!("{}:{}", host_port(node.host(), ports.0), ports.1))
        .collect();
    let external = || {
        let url = side.valid.zookeeper_url.trim_start_matches("zk://");
        let servers = url.split('/').next().unwrap_or_default();
        servers.rsplit('@').next().unwrap_or_default().to_owned()
    };
    Access {
        servers: if ours.is_empty() {
            external()
        } else {
            ours.join(",")
        },
        ..Access::default()
    }
}
