//! The MesosClusters as apps need them: which one an app means, and where its masters are. Pure.

use crate::http::host_port;
use crate::key::ObjectKey;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use mesolith_crds::Reason;
use mesolith_crds::condition;
use mesolith_crds::v1alpha1::marathon_app::ClusterRef;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentGroup, Node, NodeTable};
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use std::collections::{BTreeMap, BTreeSet};

/// Name of a cluster.
pub(super) type ClusterKey = ObjectKey;

/// What matters of a MesosCluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterFacts {
    /// Namespace and name.
    pub(super) key: ClusterKey,
    /// Tells a new cluster of the same name from the old one.
    pub(super) uid: String,
    /// `host:port` of the masters, the leader first.
    pub(super) masters: Vec<String>,
    /// The framework id on record.
    pub(super) framework: Option<String>,
    /// Ids of the agents that are to leave it.
    pub(super) leaving: BTreeSet<String>,
    /// `host:port` of the agents that leave later: all of cluster A, once a migration has begun to empty them.
    pub(super) leaving_later: BTreeSet<String>,
    /// Why the cluster is not ready, if it says so.
    pub(super) not_ready: Option<String>,
}

/// Which cluster an app means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolution {
    /// This one.
    Found(Box<ClusterFacts>),
    /// The clusters have not been read yet.
    Unknown,
    /// There is none, or several and the app names none.
    Not {
        /// Why.
        reason: Reason,
        /// What to do.
        message: String,
    },
}

/// A cluster that cannot be read is reported by its own controller; apps keep what they knew of it.
pub(super) fn facts(guarded: &DeserializeGuard<MesosCluster>) -> Option<ClusterFacts> {
    let cluster = guarded.0.as_ref().ok()?;
    let status = cluster.status.clone().unwrap_or_default();
    let mut masters: Vec<String> = status.leader.iter().cloned().collect();
    let table = cluster.spec.node_table().unwrap_or_default();
    let port = cluster.spec.masters.port();
    for node in table
        .select("spec.masters.nodes", &cluster.spec.masters.nodes)
        .unwrap_or_default()
    {
        let address = format!("{}:{port}", node.host());
        if !masters.contains(&address) {
            masters.push(address);
        }
    }
    let ready = condition::find(&status.conditions, condition::READY);
    let not_ready = match ready {
        Some(ready) if ready.status == "True" => None,
        Some(ready) => Some(format!("{}: {}", ready.reason, ready.message)),
        None => Some("it has not been started yet".to_owned()),
    };
    Some(ClusterFacts {
        key: ObjectKey::of(guarded),
        uid: guarded.uid().unwrap_or_default(),
        masters,
        leaving_later: leaving_later(cluster, &status, &table),
        leaving: status
            .draining_agents
            .iter()
            .filter(|agent| !agent.retracting)
            .filter_map(|agent| agent.agent_id.clone())
            .collect(),
        framework: status.marathon.and_then(|marathon| marathon.framework_id),
        not_ready,
    })
}

fn leaving_later(cluster: &MesosCluster, status: &MesosClusterStatus, table: &NodeTable) -> BTreeSet<String> {
    let form = status.form.as_ref();
    if form.is_none_or(|form| form.retired_agents.is_empty()) {
        return BTreeSet::new();
    }
    let of_group = |group: &AgentGroup| {
        let nodes = table.select("spec.agents", &group.nodes).unwrap_or_default();
        let address = |node: &Node| host_port(node.host(), group.port());
        nodes.into_iter().map(address).collect::<Vec<_>>()
    };
    cluster.spec.agents.iter().flat_map(of_group).collect()
}

/// The cluster that an app runs on already (`bound`, from its status), so that nothing there is orphaned; else the
/// named one; else the only one in the app's namespace; else the only one at all.
pub(super) fn resolve(
    clusters: &BTreeMap<ClusterKey, ClusterFacts>,
    namespace: &str,
    wanted: Option<&ClusterRef>,
    bound: Option<&str>,
) -> Resolution {
    let is_bound = |facts: &&ClusterFacts| {
        bound.and_then(|bound| bound.split_once('/')) == Some((&*facts.key.namespace, &*facts.key.name))
    };
    if let Some(facts) = clusters.values().find(is_bound) {
        return Resolution::Found(Box::new(facts.clone()));
    }
    if let Some(wanted) = wanted {
        let key = named(wanted, namespace);
        return match clusters.get(&key) {
            Some(facts) => Resolution::Found(Box::new(facts.clone())),
            None => Resolution::Not {
                reason: Reason::ClusterNotFound,
                message: format!(
                    "There is no MesosCluster {} in namespace {}. Create it, or correct spec.clusterRef.",
                    key.name, key.namespace
                ),
            },
        };
    }
    let near: Vec<&ClusterFacts> = clusters
        .values()
        .filter(|facts| facts.key.namespace == namespace)
        .collect();
    let candidates = if near.is_empty() {
        clusters.values().collect()
    } else {
        near
    };
    match candidates.as_slice() {
        [only] => Resolution::Found(Box::new((*only).clone())),
        [] => Resolution::Not {
            reason: Reason::ClusterNotFound,
            message: "There is no MesosCluster yet. Create one, and the app starts on it.".to_owned(),
        },
        many => {
            let names: Vec<String> = many
                .iter()
                .map(|facts| format!("{}/{}", facts.key.namespace, facts.key.name))
                .collect();
            Resolution::Not {
                reason: Reason::ClusterAmbiguous,
                message: format!("Name one in spec.clusterRef: {}.", names.join(", ")),
            }
        }
    }
}

fn named(wanted: &ClusterRef, namespace: &str) -> ClusterKey {
    ClusterKey {
        namespace: wanted.namespace.clone().unwrap_or_else(|| namespace.to_owned()),
        name: wanted.name.clone(),
    }
}

/// Why an app stays on its cluster though it now names another one.
pub(super) fn stays(cluster: &ClusterFacts, namespace: &str, wanted: Option<&ClusterRef>) -> Option<String> {
    let wanted = named(wanted?, namespace);
    (wanted != cluster.key).then(|| {
        format!(
            "Its instances run on {}/{} and cannot change their cluster: to run on {}/{}, delete this app and make a \
             new one",
            cluster.key.namespace, cluster.key.name, wanted.namespace, wanted.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn clusters(names: &str) -> BTreeMap<ClusterKey, ClusterFacts> {
        let parse = |name: &str| {
            let (namespace, name) = name.split_once('/').unwrap();
            let key = ClusterKey {
                namespace: namespace.into(),
                name: name.into(),
            };
            let facts = ClusterFacts {
                key: key.clone(),
                uid: String::new(),
                masters: vec![],
                framework: None,
                leaving: BTreeSet::new(),
                leaving_later: BTreeSet::new(),
                not_ready: None,
            };
            (key, facts)
        };
        names.split_whitespace().map(parse).collect()
    }

    #[rstest]
    #[case("", None, None, "ClusterNotFound")]
    #[case("ns/a", None, None, "ns/a")]
    #[case("other/a", None, None, "other/a")]
    #[case("ns/a other/b", None, None, "ns/a")]
    #[case("ns/a ns/b", None, None, "ClusterAmbiguous")]
    #[case("o/a o/b", None, None, "ClusterAmbiguous")]
    #[case("ns/a ns/b", Some("b"), None, "ns/b")]
    #[case("other/b", Some("b"), None, "ClusterNotFound")]
    #[case("ns/a ns/b", None, Some("ns/b"), "ns/b")]
    #[case("ns/a other/b", None, Some("other/b"), "other/b")]
    #[case("ns/a ns/b", Some("a"), Some("ns/b"), "ns/b")]
    #[case("ns/a", Some("a"), Some("ns/gone"), "ns/a")]
    #[case("ns/a", None, Some("ns/gone"), "ns/a")]
    fn which_cluster(
        #[case] exist: &str,
        #[case] wanted: Option<&str>,
        #[case] bound: Option<&str>,
        #[case] expect: &str,
    ) {
        let wanted = wanted.map(|name| ClusterRef {
            name: name.into(),
            namespace: None,
        });
        let found = match resolve(&clusters(exist), "ns", wanted.as_ref(), bound) {
            Resolution::Found(facts) => format!("{}/{}", facts.key.namespace, facts.key.name),
            Resolution::Not { reason, .. } => reason.to_string(),
            Resolution::Unknown => "Unknown".to_owned(),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn an_app_that_names_another_cluster_later_is_told_that_it_stays() {
        let clusters = clusters("ns/a");
        let cluster = clusters.values().next().unwrap();
        let wanted = |name: &str| {
            let (name, namespace) = (name.to_owned(), None);
            stays(cluster, "ns", Some(&ClusterRef { name, namespace }))
        };
        assert_eq!((stays(cluster, "ns", None), wanted("a")), (None, None));
        assert!(
            wanted("b")
                .unwrap()
                .starts_with("Its instances run on ns/a and cannot change")
        );
    }

    #[test]
    fn agents_of_cluster_a_leave_later_once_the_first_are_emptied() {
        let object = |retired: &[&str]| -> DeserializeGuard<MesosCluster> {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "mesolith.io/v1alpha1", "kind": "MesosCluster", "metadata": {"name": "prod"},
                "spec": {
                    "nodes": [{"name": "w[1-2]", "address": "192.0.2.[1-2]:7070"}],
                    "zookeeper": {"nodes": "w1"}, "masters": {"nodes": "w1"},
                    "agents": [{"name": "a", "nodes": "w[1-2]", "port": 5052}],
                },
                "status": {"form": {"retiredAgents": retired}},
            }))
            .unwrap()
        };
        let later = |retired: &[&str]| facts(&object(retired)).unwrap().leaving_later;
        assert!(later(&[]).is_empty());
        let all = ["192.0.2.1:5052", "192.0.2.2:5052"].map(str::to_owned);
        assert_eq!(later(&["w1"]), all.into());
    }
}
