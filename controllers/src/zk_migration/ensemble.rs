//! What ensemble A says of itself while it is there: which subtrees it has, and near the end who is connected to it.

use super::clients::{self, Ours};
use super::machine::{Goal, Record};
use super::paths;
use mesolith_crds::v1alpha1::mesos_cluster::NodeTable;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Stage};
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use mesolith_zk::{Address, Credentials};

/// What was seen; what nobody looked for, or what A did not tell, is absent.
#[derive(Debug, Default)]
pub(super) struct Ensemble {
    /// The subtrees that are to be kept equal and exist.
    pub(super) subtrees: Option<Vec<String>>,
    /// Connections that are not ours, or why they are not known.
    pub(super) clients: Option<Result<Vec<String>, String>>,
}

/// Looks at ensemble A. A gate that waits for a person is not the time to look for new subtrees.
pub(super) async fn look(
    cluster: &MesosCluster,
    goal: &Goal,
    at: &Record,
    status: &MesosClusterStatus,
) -> Ensemble {
    let form = status.form.as_ref();
    let there = form.is_none_or(|form| form.source_parts.zookeeper && !form.source_parked);
    if !there || at.stage == Stage::AwaitingApproval || at.direction == Direction::Back {
        return Ensemble::default();
    }
    let a = Address {
        servers: goal.servers.clone(),
        path: "/".to_owned(),
        credentials: credentials(cluster),
    };
    let found = paths::look(&a, &goal.paths, &goal.election).await;
    let clients = match at.phase {
        Phase::RemoveZk => {
            let ours = Ours {
                sessions: found.iter().map(|(_, session)| *session).collect(),
                hosts: engine_hosts(cluster, status),
            };
            Some(clients::look(&goal.servers, &ours).await)
        }
        _ => None,
    };
    Ensemble {
        subtrees: found.map(|(subtrees, _)| subtrees),
        clients,
    }
}

/// Those of an ensemble that is not ours; ours has none.
fn credentials(cluster: &MesosCluster) -> Option<Credentials> {
    let address: Address = cluster.spec.zookeeper.external.as_ref()?.parse().ok()?;
    address.credentials
}

/// Where engines run that may have to follow ensemble A as clients: ours is followed by its quorum ports.
fn engine_hosts(cluster: &MesosCluster, status: &MesosClusterStatus) -> Vec<String> {
    let form = status
        .form
        .as_ref()
        .filter(|_| cluster.spec.zookeeper.external.is_some());
    let Some((form, sync)) = form.and_then(|form| Some((form, form.sync.as_ref()?))) else {
        return Vec::new();
    };
    let nodes = form.target.with_nodes_of(&cluster.spec.nodes);
    let table = NodeTable::new(&nodes).unwrap_or_default();
    let hosts = sync.nodes.iter().filter_map(|name| table.get(name));
    hosts.map(|node| node.host().to_owned()).collect()
}
