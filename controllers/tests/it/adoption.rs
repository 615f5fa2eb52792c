//! The end of a migration on a real Kubernetes API: cluster A is parked and deleted, the printed manifest is applied, the
//! form goes, and no node is told anything.

use super::node::{FakeNode, Log};
use super::operator::{Operator, Turn};
use kube::api::{Patch, PatchParams};
use mesolith_crds::v1alpha1::mesos_cluster::{
    ClusterForm, ClusterSide, ComponentKind, MastersSpec, NodeSet, Parts, TargetCluster, ZooKeeperSpec,
};
use mesolith_crds::v1alpha1::zk_migration::Phase;
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use serde_json::{Value, json};

const PORT: u16 = 25_073;

fn spec() -> Value {
    json!({
        "nodes": [{"name": "a1", "address": format!("127.0.25.61:{PORT}")}],
        "zookeeper": {"nodes": "a1"},
        "masters": {"nodes": "a1"},
        "security": {"mtls": "Disabled"}
    })
}

/// What a migration makes of it: cluster B alone, and A's server parked.
fn form() -> ClusterForm {
    ClusterForm {
        migration: "default/move".into(),
        uid: "u".into(),
        generation: 1,
        phase: Phase::RemoveZk,
        target: TargetCluster {
            nodes: vec![NodeSet {
                name: "b1".into(),
                address: format!("127.0.25.62:{PORT}"),
                ..NodeSet::default()
            }],
            zookeeper: ZooKeeperSpec {
                nodes: Some("b1".into()),
                ..ZooKeeperSpec::default()
            },
            masters: MastersSpec {
                nodes: "b1".into(),
                ..MastersSpec::default()
            },
            ..TargetCluster::default()
        },
        source_parts: Parts {
            zookeeper: true,
            ..Parts::default()
        },
        target_parts: Parts::ALL,
        source_parked: true,
        leads: ClusterSide::Target,
        agents_follow: ClusterSide::Target,
        ..ClusterForm::default()
    }
}

/// Writes the form as the migration's controller does.
async fn shape(turn: &Turn, form: &ClusterForm) {
    let status = json!({"status": {"form": form}});
    turn.clusters()
        .patch_status("moved", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

/// Takes the form away as the migration's controller does; the operator may write at the same time.
async fn release(turn: &Turn) {
    loop {
        let mut cluster = turn.clusters().get("moved").await.unwrap();
        cluster.status.as_mut().unwrap().release();
        match turn
            .clusters()
            .replace_status("moved", &Default::default(), &cluster)
            .await
        {
            Err(kube::Error::Api(answer)) if answer.code == 409 => {}
            written => {
                written.unwrap();
                return;
            }
        }
    }
}

fn status(cluster: &MesosCluster) -> Option<MesosClusterStatus> {
    cluster.status.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_parked_deleted_adopted_and_released_and_nothing_restarts() {
    let turn = Turn::take().await;
    let log = Log::default();
    let node = |n: u8, name: &str| FakeNode::new(name, ([127, 0, 25, 60 + n], PORT).into(), &log);
    let nodes = [
        node(1, "a1"),
        node(2, "b1").with_fact("master2", "leading", "true"),
    ];
    for node in &nodes {
        node.serve(None).await;
    }
    turn.apply("moved", spec()).await;
    shape(&turn, &form()).await;
    let operator = Operator::start(&turn, "a");

    // A parked server is waited for by nobody, and its copy is shown.
    let parked = turn.wait("moved", "the server of A to be parked", |cluster| {
        let sides = status(cluster)?.sides;
        sides
            .into_iter()
            .find(|side| side.side == ClusterSide::Source && (side.parked, side.zookeeper_left) == (1, 1))
    });
    let parked = parked.await;
    assert_eq!(parked.zookeeper.summary, "0/0");
    assert_eq!(
        (parked.copies[0].node.as_str(), parked.copies[0].sha256.as_str()),
        ("a1", "5e0a")
    );
    turn.wait_condition("moved", "Ready", "True", "AllServing").await;
    let conditions = status(&turn.clusters().get("moved").await.unwrap())
        .unwrap()
        .conditions;
    assert!(
        conditions.iter().all(|found| found.type_ != "SpecBehind"),
        "going back is possible"
    );

    // The deletion is approved.
    let deleted = ClusterForm {
        generation: 2,
        source_parked: false,
        source_parts: Parts::default(),
        ..form()
    };
    shape(&turn, &deleted).await;
    let message = turn
        .wait_condition("moved", "SpecBehind", "True", "SpecBehind")
        .await;
    assert!(
        message.contains("a1, b1 would change by it") && message.contains("kind: MesosCluster"),
        "{message}"
    );
    turn.wait("moved", "cluster A to be gone", |cluster| {
        let status = status(cluster)?;
        (!status.managed_nodes.contains_key("a1")).then_some(())
    })
    .await;
    let mut before = std::mem::take(&mut *log.lock().unwrap());
    before.sort();
    assert_eq!(
        before,
        [
            "a1 archive zookeeper",
            "a1 start zookeeper",
            "b1 start master2",
            "b1 start zookeeper2"
        ]
    );

    // What is printed is applied: the API server takes it, and nothing happens.
    let manifest = status(&turn.clusters().get("moved").await.unwrap())
        .unwrap()
        .manifest_to_apply
        .unwrap();
    let manifest: Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!(manifest["metadata"]["namespace"], "default");
    turn.apply("moved", manifest["spec"].clone()).await;
    turn.wait_condition("moved", "SpecBehind", "False", "SpecAdopted")
        .await;
    release(&turn).await;
    let after = turn.wait("moved", "the cluster to be without a form", |cluster| {
        let status = status(cluster)?;
        let told = status.observed_generation == cluster.metadata.generation;
        (told && status.form.is_none() && status.sides.is_empty() && status.plan.is_empty()).then_some(status)
    });
    let after = after.await;
    assert_eq!(
        after.second_components,
        [ComponentKind::ZooKeeper, ComponentKind::Master]
    );
    assert_eq!((after.zookeeper_ids["b1"], after.manifest_to_apply), (2, None));
    turn.wait_condition("moved", "Ready", "True", "AllServing").await;

    // Nor for an operator that never knew the form.
    operator.stop().await;
    let operator = Operator::start(&turn, "b");
    operator.wait_leads().await;
    turn.delete("moved").await;
    turn.wait_gone("moved").await;
    let mut rest = std::mem::take(&mut *log.lock().unwrap());
    rest.sort();
    assert_eq!(
        rest,
        ["b1 archive master2", "b1 archive zookeeper2"],
        "no restart before the end"
    );
    operator.stop().await;
    nodes.iter().for_each(FakeNode::stop);
}
