//! The end of migrations of each kind: what nodes run with the form, and without it once the spec was changed.

use super::super::decide::{Rules, decide};
use super::super::fixtures::{serving, spec, three_nodes};
use super::*;
use mesolith_crds::v1alpha1::mesos_cluster::{
    AgentGroup, ClusterSide, ComponentKind, MastersSpec, NodeSet, Parts, TargetCluster, ZooKeeperSpec,
};
use mesolith_crds::v1alpha1::zk_migration::Phase;

/// A cluster whose migration is through, to nodes `b1` to `b3`; without agents there it was repointed.
fn moved(target_agents: bool) -> MesosCluster {
    let zookeeper = ZooKeeperSpec {
        nodes: Some("b[1-3]".into()),
        client_port: Some(2281),
        ..ZooKeeperSpec::default()
    };
    cluster(spec(&three_nodes()), zookeeper, target_agents)
}

fn cluster(spec: MesosClusterSpec, zookeeper: ZooKeeperSpec, target_agents: bool) -> MesosCluster {
    let agents = AgentGroup {
        name: "target".into(),
        nodes: "b[1-3]".into(),
        ..AgentGroup::default()
    };
    let form = ClusterForm {
        generation: 9,
        phase: Phase::RemoveZk,
        target: TargetCluster {
            nodes: vec![NodeSet {
                name: "b[1-3]".into(),
                address: "192.0.2.3[1-3]:7070".into(),
                ..NodeSet::default()
            }],
            zookeeper,
            masters: MastersSpec {
                nodes: "b[1-3]".into(),
                ..MastersSpec::default()
            },
            agents: if target_agents { vec![agents] } else { vec![] },
        },
        source_parts: Parts {
            agents: !target_agents,
            ..Parts::default()
        },
        target_parts: Parts {
            agents: target_agents,
            ..Parts::ALL
        },
        leads: ClusterSide::Target,
        agents_follow: ClusterSide::Target,
        ..ClusterForm::default()
    };
    let mut cluster = MesosCluster::new("prod", spec);
    cluster.metadata.namespace = Some("default".into());
    cluster.metadata.labels = Some([("team".to_owned(), "core".to_owned())].into());
    cluster.status = Some(MesosClusterStatus {
        form: Some(form),
        zookeeper_ids: [("cp1", 1), ("cp2", 2), ("cp3", 3)]
            .map(|(n, id)| (n.to_owned(), id))
            .into(),
        target_zookeeper_ids: [("b1", 4), ("b2", 5), ("b3", 6)]
            .map(|(n, id)| (n.to_owned(), id))
            .into(),
        ..MesosClusterStatus::default()
    });
    cluster
}

fn status(cluster: &MesosCluster) -> MesosClusterStatus {
    cluster.status.clone().unwrap()
}

fn now(cluster: &MesosCluster) -> Option<Adoption> {
    adoption(cluster, &status(cluster))
}

fn components(cluster: &MesosCluster) -> Sets {
    sets("prod", &cluster.spec, &status(cluster))
}

/// What a person does with the printed manifest.
fn apply(cluster: &mut MesosCluster) {
    let Some(Adoption::Behind { manifest, .. }) = now(cluster) else {
        panic!("{:?}", now(cluster))
    };
    let object: Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!(
        (
            &object["kind"],
            &object["metadata"]["name"],
            &object["metadata"]["labels"]["team"]
        ),
        (&json!("MesosCluster"), &json!("prod"), &json!("core"))
    );
    cluster.spec = serde_json::from_value(object["spec"].clone()).unwrap();
}

/// Applied, then released: the sets of all nodes are the same all the time, and nobody is told anything.
fn nothing_restarts(mut cluster: MesosCluster) -> MesosCluster {
    let before = components(&cluster);
    apply(&mut cluster);
    assert_eq!(components(&cluster), before, "the spec alone changes nothing");
    assert_eq!(now(&cluster), Some(Adoption::Adopted));
    let mut after = status(&cluster);
    after.release();
    assert_eq!((&after.form, after.sides.len()), (&None, 0));
    cluster.status = Some(after);
    assert_eq!(components(&cluster), before, "nor does the end of the form");
    assert_eq!(now(&cluster), None);
    let released = status(&cluster);
    let sides = Sides::of("prod", &cluster.spec, &released).unwrap();
    let desired = assemble::desired(&sides, None, &Ids::of(&released.second_components));
    let decision = decide(&desired, &serving(&desired), &Rules::default());
    assert_eq!(
        (decision.effects.len(), decision.plan.len()),
        (0, 0),
        "{decision:?}"
    );
    cluster
}

#[test]
fn a_moved_cluster_keeps_its_components() {
    let cluster = nothing_restarts(moved(true));
    let after = status(&cluster);
    let all = [
        ComponentKind::ZooKeeper,
        ComponentKind::Master,
        ComponentKind::Agent,
    ];
    assert_eq!(after.second_components, all);
    assert_eq!((after.zookeeper_ids["b1"], after.zookeeper_ids["cp1"]), (4, 1));
    assert!(after.target_zookeeper_ids.is_empty());
    let sets = components(&cluster);
    let ids: Vec<&String> = sets["b1"].keys().collect();
    assert_eq!(ids, ["agent2", "master2", "zookeeper2"]);
    assert_eq!(
        cluster.spec.nodes.len(),
        1,
        "the nodes of cluster A are not ours any more"
    );
}

#[test]
fn agents_that_were_repointed_are_the_same() {
    let cluster = nothing_restarts(moved(false));
    let after = status(&cluster);
    assert_eq!(
        after.second_components,
        [ComponentKind::ZooKeeper, ComponentKind::Master]
    );
    assert!(components(&cluster)["w1"].contains_key("agent"));
}

#[test]
fn a_second_move_takes_the_first_ids_again() {
    let mut cluster = moved(true);
    let all = vec![
        ComponentKind::ZooKeeper,
        ComponentKind::Master,
        ComponentKind::Agent,
    ];
    cluster.status.as_mut().unwrap().second_components = all;
    let cluster = nothing_restarts(cluster);
    assert!(status(&cluster).second_components.is_empty());
    assert!(components(&cluster)["b1"].contains_key("master"));
}

#[test]
fn to_an_ensemble_that_is_not_ours() {
    let external = ZooKeeperSpec {
        external: Some("zk://z1:2181,z2:2181/mesos".into()),
        ..ZooKeeperSpec::default()
    };
    let cluster = nothing_restarts(cluster(spec(&three_nodes()), external, true));
    assert!(!components(&cluster)["b1"].contains_key("zookeeper2"));
    assert_eq!(
        status(&cluster).second_components,
        [ComponentKind::Master, ComponentKind::Agent]
    );
}

#[test]
fn a_spec_is_behind_until_not_one_component_would_change() {
    let mut cluster = moved(true);
    let finding = now(&cluster).unwrap().finding();
    assert!(
        finding
            .message
            .contains("b1, b2, b3, cp1, cp2 and 3 more would change by it"),
        "{}",
        finding.message
    );
    assert!(finding.message.contains("zookeeper:\n"), "{}", finding.message);
    apply(&mut cluster);
    // Written in another way, it says the same.
    cluster.spec.nodes = (1..=3)
        .map(|n| NodeSet {
            name: format!("b{n}"),
            address: format!("192.0.2.3{n}:7070"),
            ..NodeSet::default()
        })
        .collect();
    assert_eq!(now(&cluster), Some(Adoption::Adopted));
    cluster.spec.masters.flags = [("offer_timeout".to_owned(), "5secs".to_owned())].into();
    let Some(Adoption::Behind { nodes, .. }) = now(&cluster) else {
        panic!("masters would restart")
    };
    assert_eq!(nodes, ["b1", "b2", "b3"]);
}

#[test]
fn before_the_end_nothing_is_said() {
    let mut cluster = moved(true);
    let form = cluster.status.as_mut().unwrap().form.as_mut().unwrap();
    form.source_parts.zookeeper = true;
    assert_eq!(
        now(&cluster),
        None,
        "cluster A is kept, and going back is possible"
    );
}

#[test]
fn a_long_manifest_is_only_in_the_status() {
    let mut cluster = moved(true);
    let long = (0..500)
        .map(|n| (format!("label-{n:03}"), "x".repeat(40)))
        .collect();
    cluster.metadata.labels = Some(long);
    let adoption = now(&cluster).unwrap();
    assert!(adoption.manifest().unwrap().len() > PRINTED);
    let message = adoption.finding().message;
    assert!(
        message.len() < 1000 && message.contains("jsonpath='{.status.manifestToApply}'"),
        "{message}"
    );
}
