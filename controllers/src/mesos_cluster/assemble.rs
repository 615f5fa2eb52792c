//! From the sides of a cluster and its form to the component sets of all nodes. Pure.

use super::build::build;
use super::engines;
use super::model::Desired;
use super::sides::{Side, Sides};
use crate::nodes::{Ids, Kind, Slot};
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterForm, ClusterSide};
use mesolith_proto::node::v1::{Component, LiveSettings};
use std::collections::BTreeSet;

/// The component sets of all nodes.
pub(crate) fn desired(sides: &Sides, form: Option<&ClusterForm>, ids: &Ids) -> Desired {
    let mut desired = Desired::new();
    let retired: BTreeSet<&str> = form
        .iter()
        .flat_map(|form| form.retired_agents.iter().map(String::as_str))
        .collect();
    for side in sides.iter() {
        // Repointed agents look for their leader in the other ensemble; everything else of them stays.
        let follows = form.map_or(side.side, |form| match side.side {
            ClusterSide::Source => form.agents_follow,
            ClusterSide::Target => ClusterSide::Target,
        });
        let leader_in = sides.get(follows).unwrap_or(side);
        for (node, set) in build(side, &leader_in.valid.zookeeper_url, ids) {
            let wanted = set
                .into_iter()
                .filter(|(slot, _)| exists(side, &retired, &node, *slot))
                .map(|(slot, component)| (slot, parked(form, slot, component)));
            desired.entry(node.clone()).or_default().extend(wanted);
        }
    }
    if let Some(sync) = form.and_then(|form| form.sync.as_ref()) {
        engines::add(&mut desired, sides, form, sync);
    }
    desired.retain(|_, set| !set.is_empty());
    desired
}

/// A server of cluster A that is to be stopped with its data kept.
fn parked(form: Option<&ClusterForm>, slot: Slot, component: Component) -> Component {
    let is_parked = form.is_some_and(|form| form.source_parked) && slot == Kind::ZooKeeper.into();
    let live = is_parked.then(|| LiveSettings {
        parked: Some(true),
        ..LiveSettings::default()
    });
    Component { live, ..component }
}

/// Whether a component of a side is wanted now.
fn exists(side: &Side, retired: &BTreeSet<&str>, node: &str, slot: Slot) -> bool {
    match slot.kind {
        Kind::ZooKeeper => side.parts.zookeeper,
        Kind::Master => side.parts.masters,
        Kind::Agent => side.parts.agents && !(side.side == ClusterSide::Source && retired.contains(node)),
        Kind::Sync => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{spec, three_nodes};
    use super::*;
    use mesolith_crds::v1alpha1::MesosClusterStatus;
    use mesolith_crds::v1alpha1::mesos_cluster::{MastersSpec, NodeSet, Parts, TargetCluster, ZooKeeperSpec};
    use mesolith_proto::node::v1::component;

    fn form() -> ClusterForm {
        ClusterForm {
            target: TargetCluster {
                nodes: vec![NodeSet {
                    name: "b[1-3]".into(),
                    address: "192.0.2.3[1-3]:7070".into(),
                    ..NodeSet::default()
                }],
                zookeeper: ZooKeeperSpec {
                    nodes: Some("b[1-3]".into()),
                    ..ZooKeeperSpec::default()
                },
                masters: MastersSpec {
                    nodes: "b[1-3]".into(),
                    ..MastersSpec::default()
                },
                ..TargetCluster::default()
            },
            source_parts: Parts::ALL,
            ..ClusterForm::default()
        }
    }

    fn desired(form: Option<ClusterForm>) -> Desired {
        let before = MesosClusterStatus {
            form,
            ..MesosClusterStatus::default()
        };
        let sides = Sides::of("prod", &spec(&three_nodes()), &before).unwrap();
        super::desired(&sides, before.form.as_ref(), &Ids::default())
    }

    #[test]
    fn a_form_that_adds_nothing_changes_nothing() {
        assert_eq!(desired(Some(form())), desired(None));
    }

    #[test]
    fn the_other_side_has_servers_and_ids_of_its_own() {
        let with = ClusterForm {
            target_parts: Parts {
                zookeeper: true,
                masters: true,
                agents: true,
            },
            ..form()
        };
        let desired = desired(Some(with));
        let ids: Vec<&str> = desired["b1"].values().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["zookeeper2", "master2"]);
        let server = &desired["b1"][&Slot::on(ClusterSide::Target, Kind::ZooKeeper)];
        let Some(component::Kind::Zookeeper(server)) = &server.kind else {
            panic!()
        };
        assert_eq!(
            server.peers.iter().map(|peer| peer.id).collect::<Vec<_>>(),
            [4, 5, 6]
        );
        let master = &desired["b1"][&Slot::on(ClusterSide::Target, Kind::Master)];
        let Some(component::Kind::Master(master)) = &master.kind else {
            panic!()
        };
        assert_eq!(
            (master.zookeeper.as_str(), master.cluster_name.as_str()),
            (
                "zk://192.0.2.31:2181,192.0.2.32:2181,192.0.2.33:2181/mesos",
                "prod"
            )
        );
    }

    #[test]
    fn a_retired_agent_is_not_wanted_and_a_repointed_one_only_looks_elsewhere() {
        let retired = desired(Some(ClusterForm {
            retired_agents: vec!["w1".into()],
            ..form()
        }));
        assert!(!retired.contains_key("w1") && retired.contains_key("w2"));
        let repointed = desired(Some(ClusterForm {
            agents_follow: ClusterSide::Target,
            ..form()
        }));
        let before = desired(None);
        let agent = |desired: &Desired| match &desired["w1"][&Kind::Agent.into()].kind {
            Some(component::Kind::Agent(agent)) => agent.clone(),
            other => panic!("{other:?}"),
        };
        assert!(agent(&repointed).zookeeper.starts_with("zk://192.0.2.31:2181"));
        assert_eq!(
            repointed["w1"][&Kind::Agent.into()].id,
            before["w1"][&Kind::Agent.into()].id
        );
    }
}
