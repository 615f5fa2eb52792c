//! From spec and cluster to the goal of the machine. Pure.

use super::machine::Goal;
use super::paths;
use crate::key::ObjectKey;
use kube::ResourceExt;
use mesolith_crds::v1alpha1::mesos_cluster::{
    AgentGroup, FormSync, NodeTable, SpecError, TargetCluster, ZooKeeperSpec,
};
use mesolith_crds::v1alpha1::zk_migration::TargetAgents;
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use mesolith_zk::Address;
use std::collections::BTreeMap;
use std::time::Duration;

/// Nodes that run an engine: one is active, the other stands by.
const ENGINES: usize = 2;
/// A leader counts as steady after this long: longer than a session of a master, which would end a false one.
const STEADY: Duration = Duration::from_secs(10);

/// The goal, or what is wrong with the spec.
pub(super) fn goal(object: &ZkMigration, cluster: &MesosCluster) -> Result<Goal, String> {
    let text = |error: SpecError| error.to_string();
    let of = &cluster.spec;
    let election = election(&of.zookeeper);
    let spec = &object.spec;
    let paths = paths::of_spec(spec.sync.paths(), &election)?;
    let target = target(object, cluster, &election)?;
    let all = target.with_nodes_of(&of.nodes);
    let table = NodeTable::new(&all).map_err(text)?;
    let expression = target.zookeeper.nodes.as_ref().unwrap_or(&target.masters.nodes);
    let engines = table
        .select("spec.target.zookeeper.nodes", expression)
        .map_err(text)?;
    let engines = engines.iter().take(ENGINES).map(|node| node.name.clone());
    let servers = servers(&of.zookeeper, &table).map_err(text)?;
    let mut source_agents = Vec::new();
    for group in &of.agents {
        let nodes = table.select("spec.agents", &group.nodes).map_err(text)?;
        source_agents.extend(nodes.iter().map(|node| node.name.clone()));
    }
    Ok(Goal {
        cluster: ObjectKey::of(cluster).to_string(),
        servers,
        retention: spec.orchestration.rollback_retention(),
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
        agent_drain: spec.agent_drain.clone().unwrap_or_default(),
        paths,
        election,
        lag_threshold: spec.sync.lag_threshold(),
        steady: STEADY,
        approval: spec.orchestration.approval,
    })
}

/// Cluster B in the words of a MesosCluster; what is not given is as on cluster A.
fn target(object: &ZkMigration, cluster: &MesosCluster, group: &str) -> Result<TargetCluster, String> {
    let (to, of) = (&object.spec.target, &cluster.spec);
    let mut zookeeper = to.zookeeper.clone();
    // One election group: the path is the cluster's, whatever its ensemble.
    if zookeeper.external.is_some() {
        let given = election(&zookeeper);
        if given != group {
            return Err(format!(
                "spec.target.zookeeper.external: the masters of the cluster elect their leader under {group}, not under \
                 {given}: write {group} behind the servers"
            ));
        }
    } else {
        zookeeper.path = match of.zookeeper.external {
            Some(_) => Some(group.to_owned()),
            None => of.zookeeper.path.clone(),
        };
        zookeeper.heap = zookeeper.heap.or_else(|| of.zookeeper.heap.clone());
        for (key, value) in &of.zookeeper.config {
            zookeeper
                .config
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
    }
    let mut masters = to.masters.clone();
    for (flag, value) in &of.masters.flags {
        masters.flags.entry(flag.clone()).or_insert_with(|| value.clone());
    }
    Ok(TargetCluster {
        nodes: to.nodes.clone(),
        zookeeper,
        masters,
        agents: to
            .agents
            .iter()
            .map(|agents| agent_group(agents, object, cluster))
            .collect(),
    })
}

/// `host:port` of each server of cluster A's ensemble.
fn servers(zookeeper: &ZooKeeperSpec, table: &NodeTable) -> Result<Vec<String>, SpecError> {
    let Some(nodes) = &zookeeper.nodes else {
        let address = zookeeper.external.as_ref().and_then(|url| url.parse().ok());
        return Ok(address
            .map(|address: Address| address.servers)
            .unwrap_or_default());
    };
    let nodes = table.select("spec.zookeeper.nodes", nodes)?;
    let port = zookeeper.client_port();
    Ok(nodes
        .iter()
        .map(|node| crate::http::host_port(node.host(), port))
        .collect())
}

/// Where the masters of an ensemble elect their leader.
fn election(zookeeper: &ZooKeeperSpec) -> String {
    let of_url = |url: &String| {
        let address: Address = url.parse().ok()?;
        (address.path != "/").then_some(address.path)
    };
    match &zookeeper.external {
        Some(url) => of_url(url).unwrap_or_else(|| ZooKeeperSpec::default().path().to_owned()),
        None => zookeeper.path().to_owned(),
    }
}

/// The new agents. What is not given is as on cluster A, as far as its agents agree about it.
fn agent_group(agents: &TargetAgents, object: &ZkMigration, cluster: &MesosCluster) -> AgentGroup {
    let of = &cluster.spec.agents;
    let containerizers = match agents.containerizers.as_slice() {
        [] => agreed(of.iter().map(|group| group.containerizers.clone())).unwrap_or_default(),
        given => given.to_vec(),
    };
    let resources = || agreed(of.iter().map(|group| group.resources.clone())).flatten();
    let mut attributes = common(attributes_of(cluster));
    // What the new nodes say of themselves is nearer to the truth than what is taken over.
    let nodes = &object.spec.target.nodes;
    attributes.retain(|key, _| !nodes.iter().any(|set| set.attributes.contains_key(key)));
    attributes.extend(agents.attributes.clone());
    let mut flags = common(of.iter().map(|group| group.flags.clone()));
    flags.extend(agents.flags.clone());
    AgentGroup {
        name: "target".to_owned(),
        nodes: agents.nodes.clone(),
        port: agents
            .port
            .or_else(|| agreed(of.iter().map(|group| group.port)).flatten()),
        containerizers,
        resources: agents.resources.clone().or_else(resources),
        attributes,
        flags,
        limits: agreed(of.iter().map(|group| group.limits.clone())).flatten(),
    }
}

/// Attributes of each agent of cluster A.
fn attributes_of(cluster: &MesosCluster) -> Vec<BTreeMap<String, String>> {
    let spec = &cluster.spec;
    let Ok(table) = NodeTable::new(&spec.nodes) else {
        return Vec::new(); // said where its nodes are resolved
    };
    let of_group = |group: &AgentGroup| -> Vec<BTreeMap<String, String>> {
        let nodes = table.select("spec.agents", &group.nodes).unwrap_or_default();
        nodes.into_iter().map(|node| group.attributes_on(node)).collect()
    };
    spec.agents.iter().flat_map(of_group).collect()
}

/// The value that all have.
fn agreed<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// The entries that all have.
fn common(maps: impl IntoIterator<Item = BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut maps = maps.into_iter();
    let mut first = maps.next().unwrap_or_default();
    for map in maps {
        first.retain(|key, value| map.get(key) == Some(value));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesolith_crds::v1alpha1::{MesosClusterSpec, ZkMigrationSpec};
    use serde_json::{Value, json};

    fn of(groups: Value, target: Value) -> AgentGroup {
        let spec: MesosClusterSpec = serde_json::from_value(json!({
            "nodes": [
                {"name": "w1", "address": "w1:7070", "attributes": {"dc": "east", "rack": "a"}},
                {"name": "w2", "address": "w2:7070", "attributes": {"dc": "east", "rack": "b"}},
            ],
            "zookeeper": {"nodes": "w1"}, "masters": {"nodes": "w1"}, "agents": groups,
        }))
        .unwrap();
        let object: ZkMigrationSpec = serde_json::from_value(json!({
            "source": {"clusterRef": {"name": "prod"}},
            "target": {
                "nodes": [{"name": "b1", "address": "b1:7070", "attributes": {"zone": "z2"}}],
                "zookeeper": {"nodes": "b1"}, "masters": {"nodes": "b1"}, "agents": target,
            },
        }))
        .unwrap();
        let (cluster, object) = (MesosCluster::new("prod", spec), ZkMigration::new("move", object));
        let given = object.spec.target.agents.clone().unwrap();
        agent_group(&given, &object, &cluster)
    }

    fn shown(attributes: &BTreeMap<String, String>) -> String {
        let list: Vec<String> = attributes.iter().map(|(k, v)| format!("{k}:{v}")).collect();
        list.join(" ")
    }

    #[test]
    fn what_is_not_given_is_as_on_cluster_a() {
        let a = json!([{
            "name": "a", "nodes": "w[1-2]", "port": 5052, "resources": "cpus:4", "containerizers": ["mesos"],
            "attributes": {"tier": "gold", "zone": "z1"}, "flags": {"executor_registration_timeout": "2mins"},
        }]);
        let taken = of(a.clone(), json!({"nodes": "b1"}));
        assert_eq!(
            shown(&taken.attributes),
            "dc:east tier:gold",
            "not the rack, nor what b1 says itself"
        );
        assert_eq!(
            (taken.port, taken.resources.as_deref()),
            (Some(5052), Some("cpus:4"))
        );
        assert_eq!(taken.containerizers.len(), 1);
        assert_eq!(taken.flags.len(), 1);
        let given = json!({
            "nodes": "b1", "port": 6051, "resources": "cpus:8", "attributes": {"tier": "new"},
            "containerizers": ["docker", "mesos"], "flags": {"executor_registration_timeout": "1mins"},
        });
        let given = of(a, given);
        assert_eq!(shown(&given.attributes), "dc:east tier:new");
        assert_eq!(
            (given.port, given.resources.as_deref()),
            (Some(6051), Some("cpus:8"))
        );
        assert_eq!(given.containerizers.len(), 2);
        assert_eq!(given.flags["executor_registration_timeout"], "1mins");
    }

    #[test]
    fn what_the_agents_of_cluster_a_do_not_agree_about_is_not_taken_over() {
        let groups = json!([
            {"name": "a", "nodes": "w1", "resources": "cpus:4", "attributes": {"tier": "gold", "os": "linux"}},
            {"name": "b", "nodes": "w2", "resources": "cpus:8", "attributes": {"tier": "tin", "os": "linux"}},
        ]);
        let taken = of(groups, json!({"nodes": "b1"}));
        assert_eq!(shown(&taken.attributes), "dc:east os:linux");
        assert_eq!(taken.resources, None);
    }
}
