//! From spec and cluster to the goal of the machine. Pure.

use super::machine::Goal;
use kube::ResourceExt;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentGroup, FormSync, SpecError, TargetCluster};
use mesolith_crds::v1alpha1::zk_migration::TargetAgents;
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use std::time::Duration;

/// Nodes that run an engine: one is active, the other stands by.
const ENGINES: usize = 2;
/// A leader counts as steady after this long: longer than a session of a master, which would end a false one.
const STEADY: Duration = Duration::from_secs(10);

/// The goal, or what is wrong with the spec.
pub(super) fn goal(object: &ZkMigration, cluster: &MesosCluster) -> Result<Goal, String> {
    let text = |error: SpecError| error.to_string();
    let of = &cluster.spec;
    let election = of.zookeeper.path().to_owned();
    let spec = &object.spec;
    let mut paths = spec.sync.paths();
    if paths.iter().any(|path| path == "/") {
        return Err(format!(
            "spec.sync.paths: name the subtrees, such as {election} and /marathon: the masters' subtree is switched on its own, \
             which / as a whole cannot be"
        ));
    }
    let target = target(object, cluster);
    let all = target.with_nodes_of(&of.nodes);
    let table = mesolith_crds::v1alpha1::mesos_cluster::NodeTable::new(&all).map_err(text)?;
    let expression = target.zookeeper.nodes.as_ref().unwrap_or(&target.masters.nodes);
    let engines = table
        .select("spec.target.zookeeper.nodes", expression)
        .map_err(text)?;
    let engines = engines.iter().take(ENGINES).map(|node| node.name.clone());
    let mut source_agents = Vec::new();
    for group in &of.agents {
        let nodes = table.select("spec.agents", &group.nodes).map_err(text)?;
        source_agents.extend(nodes.iter().map(|node| node.name.clone()));
    }
    paths.retain(|path| *path != election);
    Ok(Goal {
        migration: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
        uid: object.uid().unwrap_or_default(),
        sync: FormSync {
            nodes: engines.collect(),
            conflict_resolution: spec.sync.conflict_resolution,
            batch_size: spec.sync.snapshot_batch_size,
            lag_threshold: spec.sync.lag_threshold.clone(),
            ..FormSync::default()
        },
        target,
        source_agents,
        strategy: spec.agent_strategy,
        paths,
        election,
        lag_threshold: spec.sync.lag_threshold(),
        steady: STEADY,
        approval: spec.orchestration.approval,
    })
}

/// Cluster B in the words of a MesosCluster; what is not given is as on cluster A.
fn target(object: &ZkMigration, cluster: &MesosCluster) -> TargetCluster {
    let (to, of) = (&object.spec.target, &cluster.spec);
    let mut zookeeper = to.zookeeper.clone();
    // One election group: the path is the cluster's, whatever its ensemble.
    zookeeper.path = of.zookeeper.path.clone();
    zookeeper.heap = zookeeper.heap.or_else(|| of.zookeeper.heap.clone());
    for (key, value) in &of.zookeeper.config {
        zookeeper
            .config
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
    let mut masters = to.masters.clone();
    for (flag, value) in &of.masters.flags {
        masters.flags.entry(flag.clone()).or_insert_with(|| value.clone());
    }
    TargetCluster {
        nodes: to.nodes.clone(),
        zookeeper,
        masters,
        agents: to.agents.iter().map(|agents| group(agents, cluster)).collect(),
    }
}

fn group(agents: &TargetAgents, cluster: &MesosCluster) -> AgentGroup {
    let first = cluster.spec.agents.first();
    AgentGroup {
        name: "target".to_owned(),
        nodes: agents.nodes.clone(),
        port: agents.port,
        containerizers: match agents.containerizers.as_slice() {
            [] => first
                .map(|group| group.containerizers.clone())
                .unwrap_or_default(),
            given => given.to_vec(),
        },
        resources: agents.resources.clone(),
        attributes: agents.attributes.clone(),
        flags: agents.flags.clone(),
        limits: None,
    }
}
