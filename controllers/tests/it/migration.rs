//! The preflight of a migration: what is asked, and how its problems are said.

use super::node::{FakeNode, Log};
use super::operator::{LIMIT, Operator, Turn};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use mesolith_crds::condition;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{PreflightCheck, PreflightState, ZkMigrationStatus};
use mesolith_pki::Authority;
use mesolith_proto::node::v1::{Port, UnusablePort};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PORT: u16 = 25_072;

/// Nobody is at the source; the target is `b1`, `b2` and `b3` at `127.0.<third>.1` to `.3`.
fn spec(third: u8) -> Value {
    json!({
        "source": {
            "zookeeper": "127.0.25.41:1,127.0.25.42:1,127.0.25.43:1",
            "mesosMasters": ["127.0.25.4[1-3]:1"],
            "mesosAgents": ["127.0.25.4[1-3]:1"]
        },
        "target": {
            "nodes": [{"name": "b[1-3]", "address": format!("127.0.{third}.[1-3]:{PORT}")}],
            "zookeeper": {"nodes": "b[1-3]"}, "masters": {"nodes": "b[1-3]"}, "agents": {"nodes": "b[1-3]"}
        }
    })
}

async fn preflight(turn: &Turn, name: &str, spec: Value) -> ZkMigrationStatus {
    let api: Api<ZkMigration> = Api::namespaced(turn.client.clone(), "default");
    let object = json!({
        "apiVersion": "mesolith.io/v1alpha1", "kind": "ZkMigration", "metadata": {"name": name}, "spec": spec
    });
    let parameters = PatchParams::apply("test").force();
    api.patch(name, &parameters, &Patch::Apply(object)).await.unwrap();
    let end = Instant::now() + LIMIT;
    let status = loop {
        let status = api.get(name).await.unwrap().status.unwrap_or_default();
        if !status.preflight.is_empty() {
            break status;
        }
        assert!(Instant::now() < end, "waited for the preflight: {status:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    api.delete(name, &DeleteParams::default()).await.unwrap();
    status
}

/// State, reason and message.
fn check<'a>(status: &'a ZkMigrationStatus, name: &str) -> (PreflightState, &'a str, &'a str) {
    let found = status.preflight.iter().find(|check| check.name == name);
    let PreflightCheck {
        status,
        reason,
        message,
        ..
    } = found.unwrap();
    let text = |given: &'a Option<String>| given.as_deref().unwrap_or_default();
    (*status, text(reason), text(message))
}

/// The CA that the nodes of a migration trust, where the operator looks for it.
async fn store(turn: &Turn, migration: &str, authority: &Authority) {
    let data = [
        ("tls.crt", authority.cert_pem().to_owned()),
        ("tls.key", authority.key_pem().to_string()),
    ];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(format!("{migration}-ca")),
            ..ObjectMeta::default()
        },
        data: Some(
            data.into_iter()
                .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
                .collect(),
        ),
        type_: Some("kubernetes.io/tls".into()),
        ..Secret::default()
    };
    let api: Api<Secret> = Api::namespaced(turn.client.clone(), "default");
    api.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_servers_have_in_common_is_said_once_and_short() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let status = preflight(&turn, "nobody", spec(101)).await;
    assert_eq!(
        check(&status, "SourceQuorum"),
        (
            PreflightState::Failed,
            "ServerUnreachable",
            "No quorum: 0 of 3 servers serve. 3 servers: connection refused (127.0.25.41:1, 127.0.25.42:1, \
             127.0.25.43:1). Start ZooKeeper there, or correct spec.source"
        )
    );
    assert_eq!(
        check(&status, "SourceMasters"),
        (
            PreflightState::Failed,
            "MasterUnreachable",
            "0 of 3 masters are healthy. 3 masters: connection refused (127.0.25.41:1, 127.0.25.42:1, \
             127.0.25.43:1). Start it, or correct spec.source"
        )
    );
    let (state, reason, message) = check(&status, "TargetNodes");
    assert_eq!(
        (state, reason),
        (PreflightState::Failed, "CertificateAuthorityNotFound")
    );
    assert!(
        message.contains("kubectl create secret tls nobody-ca -n default"),
        "{message}"
    );
    let said = |kind: &str| condition::find(&status.conditions, kind).unwrap().message.clone();
    assert_eq!(
        said("PreflightPassed"),
        "SourceQuorum: No quorum: 0 of 3 servers serve. SourceMasters: 0 of 3 masters are healthy. TargetNodes: No \
         node was asked"
    );
    assert_eq!(
        said("Ready"),
        "1 of 4 checks passed. Failed: SourceQuorum, SourceMasters, TargetNodes. Causes and remedies are in \
         status.preflight"
    );
    let waits: Vec<&str> = status
        .waiting_for
        .iter()
        .map(|wait| wait.reason.as_str())
        .collect();
    assert_eq!(
        waits,
        [
            "ServerUnreachable",
            "MasterUnreachable",
            "CertificateAuthorityNotFound",
            "PhasesUnavailable"
        ]
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_when_its_agent_says_so_over_mutual_tls() {
    let turn = Turn::take().await;
    let operator = Operator::start(&turn, "a");
    let (ours, other) = (Authority::create("b").unwrap(), Authority::create("c").unwrap());
    let log = Log::default();
    let node = |third: u8, n: u8| FakeNode::new(&format!("b{n}"), ([127, 0, third, n], PORT).into(), &log);

    // A bare connection succeeds to the first, and nobody there speaks.
    let silent = std::net::TcpListener::bind(("127.0.102.1", PORT)).unwrap();
    let plain = node(102, 2);
    plain.serve(None).await;
    let foreign = node(102, 3);
    foreign.serve(Some(&other)).await;
    store(&turn, "strangers", &ours).await;
    let status = preflight(&turn, "strangers", spec(102)).await;
    let (state, _, message) = check(&status, "TargetNodes");
    assert_eq!(state, PreflightState::Failed);
    assert!(message.starts_with("0 of 3 nodes are ready."), "{message}");
    for part in [
        "b1 at 127.0.102.1",
        "b2 at 127.0.102.2",
        "b3 at 127.0.102.3",
        "mesolith pki issue",
    ] {
        assert!(message.contains(part), "{message}");
    }
    drop(silent);

    let nodes = [
        node(103, 1),
        node(103, 2).with_machine(|facts| facts.disk_free_bytes = 5 << 20),
        node(103, 3).with_machine(|facts| {
            facts.unusable_ports = vec![UnusablePort {
                port: Some(Port {
                    address: "127.0.103.3".into(),
                    port: 5050,
                }),
                reason: "PortInUse".into(),
                holder: "mesos-master (pid 7)".into(),
                message: String::new(),
            }];
        }),
    ];
    for node in &nodes {
        node.serve(Some(&ours)).await;
    }
    store(&turn, "mixed", &ours).await;
    let status = preflight(&turn, "mixed", spec(103)).await;
    let expected = format!(
        "1 of 3 nodes are ready. b2 at 127.0.103.2:{PORT}: less than 1024 MiB left for the node agent's --state-dir \
         (5 MiB). Free some space on its disk. b3 at 127.0.103.3:{PORT}: port 5050, needed for the master, is in use \
         (mesos-master (pid 7)). Stop what uses it, or choose another port in spec.target"
    );
    assert_eq!(
        check(&status, "TargetNodes"),
        (PreflightState::Failed, "NoSpace", expected.as_str())
    );

    let good: Vec<_> = (1..=3).map(|n| node(104, n)).collect();
    for node in &good {
        node.serve(Some(&ours)).await;
    }
    store(&turn, "good", &ours).await;
    let status = preflight(&turn, "good", spec(104)).await;
    assert_eq!(
        check(&status, "TargetNodes"),
        (PreflightState::Passed, "", "3 of 3 nodes are ready")
    );
    assert!(log.lock().unwrap().is_empty(), "nothing is started: {log:?}");
    for node in [plain, foreign].iter().chain(&nodes).chain(&good) {
        node.stop();
    }
    operator.stop().await;
}
