//! What a world is made of.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// A world to bring up; the same options find it again.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything it writes: state, logs, pids.
    pub dir: PathBuf,
    /// Keeps worlds on one machine apart: the third byte of their loopback addresses, and the Docker bridge.
    pub key: u8,
    /// Node agents to start.
    pub nodes: Vec<NodeOptions>,
    /// The MesosCluster these nodes are for; their certificates come from its CA.
    pub cluster: String,
    /// The namespace of that MesosCluster.
    pub namespace: String,
    /// A Kubernetes cluster to use; none starts one.
    pub kubeconfig: Option<PathBuf>,
    /// Environment of the operator and the node agents, e.g. where traces go.
    pub env: Vec<(String, String)>,
}

/// One node agent.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Its name in the MesosCluster.
    pub name: String,
    /// Where it and its components listen, on the product's default ports.
    pub address: IpAddr,
    /// Issues its certificate from a CA nobody trusts.
    pub untrusted: bool,
    /// Environment of this node agent, on top of the world's.
    pub env: Vec<(String, String)>,
    /// Another Docker engine than the world's.
    pub docker_host: Option<String>,
}

impl Options {
    /// A world of `nodes` node agents `node1`... on 127.0.`key`.11 and following, for MesosCluster default/local.
    pub fn new(dir: &Path, key: u8, nodes: u8) -> Self {
        Self {
            dir: dir.to_owned(),
            key,
            nodes: (1..=nodes).map(|n| NodeOptions::new(key, n)).collect(),
            cluster: "local".into(),
            namespace: "default".into(),
            kubeconfig: None,
            env: Vec::new(),
        }
    }
}

impl NodeOptions {
    /// Node agent `node<n>` on 127.0.`key`.`10+n`.
    pub fn new(key: u8, n: u8) -> Self {
        Self {
            name: format!("node{n}"),
            address: Ipv4Addr::new(127, 0, key, 10 + n).into(),
            untrusted: false,
            env: Vec::new(),
            docker_host: None,
        }
    }

    /// Its directory in a world's.
    pub fn dir(&self, world: &Path) -> PathBuf {
        world.join("nodes").join(&self.name)
    }
}
