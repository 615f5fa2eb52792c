//! From the spec to addresses: cluster A and cluster B as they will be talked to. Pure.

use super::target::{Needs, TargetNode};
use mesolith_crds::ranges;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::{NodeTable, SpecError};
use mesolith_crds::v1alpha1::zk_migration::ZkMigrationSpec;
use std::collections::BTreeMap;

/// Both sides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sides {
    pub(super) source: Side,
    pub(super) target: Target,
}

/// Cluster A.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side {
    /// `host:port` of its ensemble.
    pub(super) zookeeper: Vec<String>,
    /// `host:port` of its masters.
    pub(super) masters: Vec<String>,
    /// Number of its agents.
    pub(super) agents: usize,
}

/// Cluster B.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// `host:port` of its ensemble, to come or existing.
    pub(super) zookeeper: Vec<String>,
    /// Whether the ensemble exists already.
    pub(super) external: bool,
    /// `host:port` of its masters to come.
    pub(super) masters: Vec<String>,
    /// Number of its agents to come.
    pub(super) agents: usize,
    /// Nodes that will be used, by name.
    pub(super) nodes: Vec<TargetNode>,
}

/// Why there are no sides.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// The spec has to change.
    Invalid(String),
    /// The cluster has to come.
    ClusterNotFound(String),
}

impl From<SpecError> for Error {
    fn from(error: SpecError) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Resolves names and ranges, and refuses a target that is the source.
pub(super) fn resolve(spec: &ZkMigrationSpec, cluster: Option<&MesosCluster>) -> Result<Sides, Error> {
    let source = source(spec, cluster)?;
    let target = target(spec, cluster)?;
    let both: Vec<&String> = source
        .zookeeper
        .iter()
        .filter(|server| target.zookeeper.contains(server))
        .collect();
    // At the end of a migration the source's spec is that of the target.
    let moves = cluster
        .and_then(|cluster| cluster.status.as_ref()?.form.as_ref())
        .is_some();
    if let Some(server) = both.first().filter(|_| !moves) {
        return Err(Error::Invalid(format!(
            "spec.target.zookeeper: {server} is a server of the source ensemble. Name other servers"
        )));
    }
    Ok(Sides { source, target })
}

fn source(spec: &ZkMigrationSpec, cluster: Option<&MesosCluster>) -> Result<Side, Error> {
    let Some(wanted) = &spec.source.cluster_ref else {
        let zookeeper = spec.source.zookeeper.as_deref().unwrap_or_default();
        return Ok(Side {
            zookeeper: zookeeper
                .split(',')
                .map(|server| server.trim().to_owned())
                .collect(),
            masters: expand("spec.source.mesosMasters", &spec.source.mesos_masters)?,
            agents: expand("spec.source.mesosAgents", &spec.source.mesos_agents)?.len(),
        });
    };
    let Some(cluster) = cluster else {
        return Err(Error::ClusterNotFound(format!(
            "There is no MesosCluster {}. Create it, or correct spec.source.clusterRef",
            wanted.name
        )));
    };
    let of = &cluster.spec;
    let table = of.node_table()?;
    let zookeeper = match (&of.zookeeper.external, &of.zookeeper.nodes) {
        (Some(url), _) => servers_of(url),
        (None, Some(nodes)) => addresses(&table, "spec.zookeeper.nodes", nodes, of.zookeeper.client_port())?,
        (None, None) => Vec::new(),
    };
    let mut agents = 0;
    for group in &of.agents {
        agents += table.select("spec.agents", &group.nodes)?.len();
    }
    let masters = addresses(&table, "spec.masters.nodes", &of.masters.nodes, of.masters.port())?;
    Ok(Side {
        zookeeper,
        masters,
        agents,
    })
}

fn target(spec: &ZkMigrationSpec, cluster: Option<&MesosCluster>) -> Result<Target, Error> {
    let to = &spec.target;
    let table = match cluster {
        Some(cluster) if to.nodes.is_empty() => cluster.spec.node_table()?,
        _ => NodeTable::new(&to.nodes)?,
    };
    let mut used = BTreeMap::new();
    let mut select = |field: &str, expression: &str, needs: Needs| -> Result<Vec<String>, Error> {
        let nodes = table.select(field, expression)?;
        for node in &nodes {
            needs.add_to(
                used.entry(node.name.clone())
                    .or_insert_with(|| TargetNode::idle(node)),
            );
        }
        Ok(nodes.iter().map(|node| node.host().to_owned()).collect())
    };
    let zookeeper = match (&to.zookeeper.external, &to.zookeeper.nodes) {
        (Some(url), _) => servers_of(url),
        (None, Some(nodes)) => with_port(
            select(
                "spec.target.zookeeper.nodes",
                nodes,
                Needs::zookeeper(&to.zookeeper),
            )?,
            to.zookeeper.client_port(),
        ),
        (None, None) => {
            return Err(Error::Invalid(
                "spec.target.zookeeper needs nodes or external".to_owned(),
            ));
        }
    };
    let masters = with_port(
        select(
            "spec.target.masters.nodes",
            &to.masters.nodes,
            Needs::master(&to.masters),
        )?,
        to.masters.port(),
    );
    let agents = match &to.agents {
        Some(agents) => {
            let needs = Needs::agent(agents, cluster);
            select("spec.target.agents.nodes", &agents.nodes, needs)?.len()
        }
        None => 0,
    };
    Ok(Target {
        zookeeper,
        external: to.zookeeper.external.is_some(),
        masters,
        agents,
        nodes: used.into_values().collect(),
    })
}

fn addresses(table: &NodeTable, field: &str, expression: &str, port: u16) -> Result<Vec<String>, Error> {
    let nodes = table.select(field, expression)?;
    Ok(with_port(
        nodes.iter().map(|node| node.host().to_owned()).collect(),
        port,
    ))
}

fn with_port(hosts: Vec<String>, port: u16) -> Vec<String> {
    hosts.into_iter().map(|host| format!("{host}:{port}")).collect()
}

/// `zk://user:password@host:port,host:port/path` without what is not an address.
fn servers_of(url: &str) -> Vec<String> {
    let rest = url.strip_prefix("zk://").unwrap_or(url);
    let rest = rest.split('/').next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default();
    let with_default = |server: &str| {
        if server.contains(':') {
            server.to_owned()
        } else {
            format!("{server}:2181")
        }
    };
    rest.split(',').map(with_default).collect()
}

fn expand(field: &str, expressions: &[String]) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for expression in expressions {
        all.extend(ranges::expand(expression).map_err(|error| Error::Invalid(format!("{field}: {error}")))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(target: serde_json::Value) -> ZkMigrationSpec {
        serde_json::from_value(json!({
            "source": {"zookeeper": "a1:2181,a2:2181", "mesosMasters": ["m[1-2]:5050"], "mesosAgents": ["w[1-3]:5051"]},
            "target": target,
        }))
        .unwrap()
    }

    #[test]
    fn addresses_of_both_sides() {
        let sides = resolve(
            &spec(json!({
                "nodes": [{"name": "b[1-3]", "address": "192.0.2.[1-3]:7070"}],
                "zookeeper": {"nodes": "b[1-3]"}, "masters": {"nodes": "b1"}, "agents": {"nodes": "b[2-3]"}
            })),
            None,
        )
        .unwrap();
        assert_eq!(sides.source.masters, ["m1:5050", "m2:5050"]);
        assert_eq!(
            sides.target.zookeeper,
            ["192.0.2.1:2181", "192.0.2.2:2181", "192.0.2.3:2181"]
        );
        let ports = |n: usize| {
            sides.target.nodes[n]
                .ports
                .iter()
                .map(|(port, _)| *port)
                .collect::<Vec<_>>()
        };
        assert_eq!(ports(0), [2181, 2888, 3888, 5050]);
        assert_eq!(ports(1), [2181, 2888, 3888, 5051]);
        assert!(sides.target.nodes[0].zookeeper && !sides.target.nodes[1].docker);
        assert_eq!(
            (sides.source.agents, sides.target.agents, sides.target.nodes.len()),
            (3, 2, 3)
        );
    }

    #[test]
    fn a_shared_server_is_refused_however_it_is_written() {
        let target = json!({
            "nodes": [{"name": "b1", "address": "b1:7070"}],
            "zookeeper": {"external": "zk://user:secret@x:2181,a2/mesos"}, "masters": {"nodes": "b1"}
        });
        let Err(Error::Invalid(problem)) = resolve(&spec(target), None) else {
            panic!("accepted")
        };
        assert!(
            problem.contains("a2:2181 is a server of the source ensemble"),
            "{problem}"
        );
    }

    #[test]
    fn unknown_names_are_refused() {
        let target = json!({"zookeeper": {"nodes": "b1"}, "masters": {"nodes": "b1"}});
        assert!(matches!(resolve(&spec(target), None), Err(Error::Invalid(_))));
    }
}
