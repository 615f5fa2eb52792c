//! Parses the spec once: resolves ranges, assigns roles to nodes, and refuses contradictions. Pure.

use crate::http::host_port;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentGroup, MesosClusterSpec, Mtls, Node, SpecError};
use std::collections::BTreeMap;

/// A valid spec.
#[derive(Debug, Clone)]
pub(crate) struct Valid {
    /// The name clients see.
    pub(crate) cluster_name: String,
    /// All nodes of the spec by name.
    pub(crate) nodes: BTreeMap<String, Node>,
    /// Names of the nodes with a ZooKeeper server; empty with an external ensemble.
    pub(crate) zookeeper: Vec<String>,
    /// `zk://host:port,.../path`.
    pub(crate) zookeeper_url: String,
    /// Names of the nodes with a master.
    pub(crate) masters: Vec<String>,
    /// Port of the masters.
    pub(crate) master_port: u16,
    /// Index of the agent group by node name.
    pub(crate) agents: BTreeMap<String, usize>,
    /// Whether nodes are talked to with mutual TLS.
    pub(crate) mtls: bool,
}

/// A problem with a spec. Each message names the field and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// Ranges or names are wrong.
    #[error(transparent)]
    Nodes(#[from] SpecError),
    /// The spec has both kinds of ZooKeeper, or none.
    #[error("spec.zookeeper: give either nodes or external")]
    ChooseZooKeeper,
    /// A node is in two agent groups.
    #[error("spec.agents: {node:?} is in the groups {first:?} and {second:?}; a node belongs to one group")]
    GroupAgents {
        /// The node.
        node: String,
        /// One group.
        first: String,
        /// Another group.
        second: String,
    },
    /// Two components of a node want the same port.
    #[error("{first} and {second} both use port {port} on {node:?}; change one of them")]
    SharePort {
        /// The node.
        node: String,
        /// The port.
        port: u16,
        /// One field.
        first: String,
        /// Another field.
        second: String,
    },
}

/// Parses a spec; `name` is the object's.
pub(crate) fn validate(name: &str, spec: &MesosClusterSpec) -> Result<Valid, Error> {
    let table = spec.node_table()?;
    let names = |nodes: Vec<&Node>| nodes.into_iter().map(|n| n.name.clone()).collect::<Vec<_>>();
    let zookeeper = match (&spec.zookeeper.nodes, &spec.zookeeper.external) {
        (Some(nodes), None) => names(table.select("spec.zookeeper.nodes", nodes)?),
        (None, Some(_)) => Vec::new(),
        (Some(_), Some(_)) | (None, None) => return Err(Error::ChooseZooKeeper),
    };
    let masters = names(table.select("spec.masters.nodes", &spec.masters.nodes)?);
    let mut agents: BTreeMap<String, usize> = BTreeMap::new();
    for (index, group) in spec.agents.iter().enumerate() {
        for node in table.select(&format!("spec.agents[{}].nodes", group.name), &group.nodes)? {
            if let Some(other) = agents.insert(node.name.clone(), index) {
                return Err(Error::GroupAgents {
                    node: node.name.clone(),
                    first: spec.agents[other].name.clone(),
                    second: group.name.clone(),
                });
            }
        }
    }
    let nodes: BTreeMap<String, Node> = table.iter().map(|n| (n.name.clone(), n.clone())).collect();
    check_ports(spec, &nodes, &zookeeper, &masters, &agents)?;
    Ok(Valid {
        cluster_name: spec.cluster_name.clone().unwrap_or_else(|| name.to_owned()),
        zookeeper_url: zookeeper_url(spec, &nodes, &zookeeper),
        nodes,
        zookeeper,
        masters,
        master_port: spec.masters.port(),
        agents,
        mtls: spec.security.mtls == Mtls::Enabled,
    })
}

fn zookeeper_url(spec: &MesosClusterSpec, nodes: &BTreeMap<String, Node>, servers: &[String]) -> String {
    match &spec.zookeeper.external {
        Some(url) => {
            let bare = url.trim_start_matches("zk://").trim_end_matches('/');
            if bare.contains('/') {
                format!("zk://{bare}")
            } else {
                format!("zk://{bare}/mesos")
            }
        }
        None => {
            let port = spec.zookeeper.client_port();
            let hosts: Vec<String> = servers
                .iter()
                .filter_map(|s| nodes.get(s))
                .map(|n| host_port(n.host(), port))
                .collect();
            format!("zk://{}{}", hosts.join(","), spec.zookeeper.path())
        }
    }
}

fn check_ports(
    spec: &MesosClusterSpec,
    nodes: &BTreeMap<String, Node>,
    zookeeper: &[String],
    masters: &[String],
    agents: &BTreeMap<String, usize>,
) -> Result<(), Error> {
    for (name, node) in nodes {
        let mut used: BTreeMap<u16, String> = BTreeMap::new();
        let mut take = |port: u16, field: String| match used.insert(port, field.clone()) {
            Some(first) => Err(Error::SharePort {
                node: name.clone(),
                port,
                first,
                second: field,
            }),
            None => Ok(()),
        };
        if let Some(port) = node
            .address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
        {
            take(port, "spec.nodes".into())?;
        }
        if zookeeper.contains(name) {
            take(spec.zookeeper.client_port(), "spec.zookeeper.clientPort".into())?;
            take(spec.zookeeper.quorum_port(), "spec.zookeeper.quorumPort".into())?;
            take(
                spec.zookeeper.election_port(),
                "spec.zookeeper.electionPort".into(),
            )?;
        }
        if masters.contains(name) {
            take(spec.masters.port(), "spec.masters.port".into())?;
        }
        if let Some(group) = agents.get(name).and_then(|i| spec.agents.get(*i)) {
            take(
                AgentGroup::port(group),
                format!("spec.agents[{}].port", group.name),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn edit(path: &str, value: Value) -> Value {
        let mut spec = fixtures::three_nodes();
        *spec.pointer_mut(path).unwrap() = value;
        spec
    }

    #[rstest]
    #[case::unpaired(edit("/nodes/0/address", json!("192.0.2.11:7070")), "spec.nodes: \"cp[1-3]\" names 3 nodes")]
    #[case::unknown(edit("/masters/nodes", json!("cp[1-4]")), "spec.masters.nodes: \"cp4\" is not in spec.nodes")]
    #[case::neither(edit("/zookeeper", json!({})), "spec.zookeeper: give either nodes or external")]
    #[case::two_groups(
        edit("/agents", json!([{"name": "a", "nodes": "w1"}, {"name": "b", "nodes": "w[1-1]"}])),
        "spec.agents: \"w1\" is in the groups \"a\" and \"b\""
    )]
    #[case::port(
        edit("/masters", json!({"nodes": "cp[1-3]", "port": 2181})),
        "spec.zookeeper.clientPort and spec.masters.port both use port 2181 on \"cp1\""
    )]
    #[case::agent_port(
        edit("/masters", json!({"nodes": "cp[1-3]", "port": 7070})),
        "spec.nodes and spec.masters.port both use port 7070 on \"cp1\""
    )]
    fn a_wrong_spec_names_the_field(#[case] spec: Value, #[case] message: &str) {
        let error = fixtures::valid(&spec).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    #[rstest]
    #[case("zk://a:1,b:1/path", "zk://a:1,b:1/path")]
    #[case("zk://a:1", "zk://a:1/mesos")]
    #[case("zk://a:1/", "zk://a:1/mesos")]
    fn an_external_ensemble_keeps_its_path(#[case] given: &str, #[case] expected: &str) {
        let valid = fixtures::valid(&edit("/zookeeper", json!({"external": given}))).unwrap();
        assert_eq!(
            (valid.zookeeper_url.as_str(), valid.zookeeper.len()),
            (expected, 0)
        );
    }
}
