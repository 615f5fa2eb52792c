//! Records of the leader on a real ensemble.

use std::net::Ipv4Addr;
use std::time::Duration;

use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::{Address, Candidacy, Contender, Entry, Error, MasterInfo, Records};
use tokio::time::timeout;
use zookeeper_client::Client;

const SESSION: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(60);

async fn leading(address: &Address) -> (Contender, String) {
    let master = MasterInfo::new("a", Ipv4Addr::LOCALHOST, 5050, "localhost", "1.11.0");
    let contender = Contender::start(address.clone(), master, SESSION, Entry::Candidate);
    let mut states = contender.watch();
    let first = |state: &Candidacy| matches!(state, Candidacy::First { .. });
    let state = timeout(LIMIT, states.wait_for(first)).await;
    match state.unwrap().unwrap().clone() {
        Candidacy::First { node } => (contender, node),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_leader_reads_what_the_last_one_wrote() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let (contender, node) = leading(&address).await;
    let mut records = Records::new(address.clone(), "registry", SESSION);
    assert!(records.read().await.unwrap().is_empty());
    for (name, content) in [
        ("a", Some("1")),
        ("b", Some("2")),
        ("a", Some("3")),
        ("b", None),
        ("b", None),
    ] {
        records
            .write(&node, name, content.map(str::as_bytes))
            .await
            .unwrap();
    }
    contender.leave().await;
    let mut next = Records::new(address.clone(), "registry", SESSION);
    let read = next.read().await.unwrap();
    assert_eq!(
        read.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), b"3".to_vec())]
    );
    // The election does not mind the node beside the candidates.
    leading(&address).await.0.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_the_past_writes_nothing() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let (_contender, node) = leading(&address).await;
    let mut records = Records::new(address.clone(), "registry", SESSION);
    records.write(&node, "a", Some(b"1")).await.unwrap();
    // What the end of its session does, which it may learn of late.
    let client = Client::connect(&address.connect_string()).await.unwrap();
    client.delete(&address.child(&node), None).await.unwrap();
    for content in [Some(b"2".as_slice()), None] {
        let refused = records.write(&node, "a", content).await;
        assert!(matches!(refused, Err(Error::CandidateGone { .. })), "{refused:?}");
    }
    assert_eq!(records.read().await.unwrap()["a"], b"1");
}
