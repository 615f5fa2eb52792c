//! A cluster comes up, rolls, shrinks and goes, and in between the operator is silent.

use super::node::{FakeNode, Log};
use super::operator::{Operator, Turn};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_pki::Authority;
use serde_json::json;
use std::time::Duration;

const PORT: u16 = 25_070;

fn nodes(log: &Log) -> Vec<FakeNode> {
    let node = |i: u8| FakeNode::new(&format!("n{i}"), ([127, 0, 25, i], PORT).into(), log);
    vec![
        node(1).with_fact("zookeeper", "mode", "leader"),
        node(2).with_fact("master", "leading", "true"),
        node(3),
    ]
}

fn spec() -> serde_json::Value {
    json!({
        "nodes": [{"name": "n[1-3]", "address": format!("127.0.25.[1-3]:{PORT}")}],
        "zookeeper": {"nodes": "n[1-3]"},
        "masters": {"nodes": "n[1-3]"},
        "agents": [{"name": "all", "nodes": "n[1-3]"}]
    })
}

async fn store_authority(turn: &Turn, name: &str, authority: &Authority) {
    let data = [
        ("tls.crt", authority.cert_pem().to_owned()),
        ("tls.key", authority.key_pem()),
    ];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(format!("{name}-ca")),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".into()),
        data: Some(
            data.map(|(k, v)| (k.to_owned(), ByteString(v.into_bytes())))
                .into(),
        ),
        ..Secret::default()
    };
    let secrets: Api<Secret> = Api::namespaced(turn.client.clone(), "default");
    secrets.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_comes_up_is_left_in_peace_rolls_and_goes() {
    let turn = Turn::take().await;
    let (log, authority) = (Log::default(), Authority::create("prod").unwrap());
    store_authority(&turn, "prod", &authority).await;
    let nodes = nodes(&log);
    for node in &nodes {
        node.serve(Some(&authority)).await;
    }
    let operator = Operator::start(&turn, "a");
    turn.apply("prod", spec()).await;
    turn.wait_condition("prod", "Ready", "True", "AllServing").await;
    let cluster = turn.clusters().get("prod").await.unwrap();
    let status = cluster.status.unwrap();
    assert_eq!(status.leader.as_deref(), Some("127.0.25.2:5050"));
    assert_eq!(status.masters.unwrap().summary, "3/3");
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert_eq!(
        status.zookeeper_ids.values().copied().collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(status.managed_nodes.len(), 3);
    let started = std::mem::take(&mut *log.lock().unwrap());
    let of = |kind: &str| started.iter().position(|line| line.ends_with(kind)).unwrap();
    assert!(
        of("zookeeper") < of("master") && of("master") < of("agent"),
        "{started:?}"
    );

    // Idle is silent: longer than the look at the leader, so that one is part of it.
    let before = settled_writes(&operator).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(operator.writes().await, before, "writes while idle");

    // A new flag for the masters rolls them one by one, the leader last; nothing else is touched.
    let mut changed = spec();
    changed["masters"]["flags"] = json!({"offer_timeout": "5secs"});
    turn.apply("prod", changed).await;
    turn.wait("prod", "the roll to end", |c: &MesosCluster| {
        let status = c.status.as_ref()?;
        (status.observed_generation == c.metadata.generation && status.plan.is_empty()).then_some(())
    })
    .await;
    let rolled = std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(
        rolled,
        ["n1 restart master", "n3 restart master", "n2 restart master"]
    );
    turn.wait_condition("prod", "Ready", "True", "AllServing").await;

    // A restarted operator finds everything as it should be and sends nothing.
    operator.stop().await;
    let operator = Operator::start(&turn, "b");
    operator.wait_leads().await;
    settled_writes(&operator).await;
    assert_eq!(log.lock().unwrap().len(), 0);

    turn.delete("prod").await;
    turn.wait_gone("prod").await;
    let mut removed = std::mem::take(&mut *log.lock().unwrap());
    // Agents first, for their tasks' ends must reach somebody; the nodes of one kind in any order.
    removed.chunks_mut(3).for_each(<[String]>::sort);
    let each = |kind: &'static str| (1..=3).map(move |n| format!("n{n} archive {kind}"));
    let expected: Vec<String> = ["agent", "master", "zookeeper"]
        .into_iter()
        .flat_map(each)
        .collect();
    assert_eq!(removed, expected);
    assert!(nodes.iter().all(|node| node.components().is_empty()));
    operator.stop().await;
    nodes.iter().for_each(FakeNode::stop);
}

/// The count of writes once it has not moved for a while.
async fn settled_writes(operator: &Operator) -> f64 {
    let mut last = (-1.0, 0);
    loop {
        let now = operator.writes().await;
        last = if now == last.0 {
            (now, last.1 + 1)
        } else {
            (now, 0)
        };
        if last.1 >= 10 {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
