//! The nodes of the new side and what each has to offer to its components. Pure.

use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::{Containerizer, MastersSpec, Node, ZooKeeperSpec};
use mesolith_crds::v1alpha1::zk_migration::TargetAgents;

/// A node of the new side and what is to run there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TargetNode {
    pub(super) name: String,
    /// `host:port` of its node agent.
    pub(super) address: String,
    /// What its components bind to.
    pub(super) host: String,
    /// Whether a ZooKeeper server is to run there.
    pub(super) zookeeper: bool,
    /// Whether an agent there is to run Docker containers.
    pub(super) docker: bool,
    /// Ports to listen on, each with what needs it.
    pub(super) ports: Vec<(u16, &'static str)>,
}

impl TargetNode {
    /// Nothing runs there yet.
    pub(super) fn idle(node: &Node) -> Self {
        Self {
            name: node.name.clone(),
            address: node.address.clone(),
            host: node.host().to_owned(),
            zookeeper: false,
            docker: false,
            ports: Vec::new(),
        }
    }
}

/// What one component needs of its node.
pub(super) struct Needs {
    zookeeper: bool,
    docker: bool,
    ports: Vec<(u16, &'static str)>,
}

impl Needs {
    pub(super) fn zookeeper(spec: &ZooKeeperSpec) -> Self {
        Self {
            zookeeper: true,
            docker: false,
            ports: vec![
                (spec.client_port(), "clients of ZooKeeper"),
                (spec.quorum_port(), "the ZooKeeper quorum"),
                (spec.election_port(), "the ZooKeeper election"),
            ],
        }
    }

    pub(super) fn master(spec: &MastersSpec) -> Self {
        Self {
            zookeeper: false,
            docker: false,
            ports: vec![(spec.port(), "the master")],
        }
    }

    /// Containerizers that are not given are those of cluster A, as far as they are known.
    pub(super) fn agent(spec: &TargetAgents, cluster: Option<&MesosCluster>) -> Self {
        let of_source = || {
            let groups = cluster.iter().flat_map(|cluster| &cluster.spec.agents);
            groups.flat_map(|group| group.containerizers()).collect()
        };
        let containerizers = if spec.containerizers.is_empty() {
            of_source()
        } else {
            spec.containerizers.clone()
        };
        Self {
            zookeeper: false,
            docker: containerizers.contains(&Containerizer::Docker),
            ports: vec![(spec.port(), "the agent")],
        }
    }

    pub(super) fn add_to(&self, node: &mut TargetNode) {
        node.zookeeper |= self.zookeeper;
        node.docker |= self.docker;
        node.ports.extend(&self.ports);
    }
}
