//! Election and detection against a real ensemble.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use mesolith_zk::{Address, Candidacy, Contender, Detector, Entry, MasterInfo, STANDBY, candidates};
use tokio::sync::watch;
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode};

use mesolith_testkit_zookeeper::Ensemble;

const SESSION: Duration = Duration::from_secs(4);
const LIMIT: Duration = Duration::from_secs(60);

fn master(name: &str, port: u16) -> MasterInfo {
    MasterInfo::new(name, Ipv4Addr::LOCALHOST, port, "localhost", "1.11.0")
}

fn contend(address: &Address, name: &str, port: u16) -> Contender {
    Contender::start(address.clone(), master(name, port), SESSION, Entry::Candidate)
}

/// Waits until it is first, and claims that.
async fn lead(contender: &Contender) {
    wait_for(contender, |s| matches!(s, Candidacy::First { .. })).await;
    assert!(contender.claim());
    wait_for(contender, Candidacy::is_leading).await;
    assert!(contender.lease().holds());
}

async fn wait_for(contender: &Contender, what: impl Fn(&Candidacy) -> bool) -> Candidacy {
    let mut states = contender.watch();
    let seen = timeout(LIMIT, states.wait_for(|s| what(s))).await;
    seen.unwrap_or_else(|_| panic!("still {:?}", contender.watch().borrow()))
        .unwrap()
        .clone()
}

async fn wait_leader(leader: &mut watch::Receiver<Option<Arc<MasterInfo>>>, id: Option<&str>) {
    let seen = timeout(
        LIMIT,
        leader.wait_for(|l| l.as_ref().map(|m| m.id.as_str()) == id),
    )
    .await;
    seen.unwrap_or_else(|_| panic!("leader did not become {id:?}"))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_hands_over_to_the_next_candidate() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/deep/down/mesos").parse().unwrap();
    let detector = Detector::start(address.clone(), SESSION);
    let mut leader = detector.watch();
    assert_eq!(detector.leader(), None);
    assert_eq!(candidates(&address).await.unwrap(), [""; 0]);

    let a = contend(&address, "a", 5050);
    lead(&a).await;
    let b = contend(&address, "b", 5051);
    wait_for(&b, |s| matches!(s, Candidacy::Standby { .. })).await;
    wait_leader(&mut leader, Some("a")).await;
    let both = candidates(&address).await.unwrap();
    assert_eq!(both, ["json.info_0000000000", "json.info_0000000001"]);

    a.leave().await;
    wait_leader(&mut leader, Some("b")).await;
    lead(&b).await;
    b.leave().await;
    wait_leader(&mut leader, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_under_the_path_do_not_lead() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let client = Client::connect(&address.connect_string()).await.unwrap();
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir("/mesos/log_replicas", &options).await.unwrap();
    client
        .create("/mesos/info_0000000000", b"binary", &options)
        .await
        .unwrap();
    let a = contend(&address, "a", 5050);
    lead(&a).await;
    let detector = Detector::start(address.clone(), SESSION);
    wait_leader(&mut detector.watch(), Some("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_seen_and_never_first() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let standby = Contender::start(address.clone(), master("s", 5050), SESSION, Entry::Standby);
    let wait = |standby| async move { wait_for(standby, |s| matches!(s, Candidacy::Standby { .. })).await };
    let Candidacy::Standby { node } = wait(&standby).await else {
        unreachable!()
    };
    assert_eq!(node, format!("{STANDBY}s"));
    assert!(!standby.claim() && !standby.lease().holds());

    // It was there before, and is in nobody's way.
    let a = contend(&address, "a", 5051);
    lead(&a).await;
    assert!(!a.claim(), "it leads already");
    a.leave().await;

    // The same process in a new session: its old node is no obstacle.
    let again = Contender::start(address.clone(), master("s", 5050), SESSION, Entry::Standby);
    wait(&again).await;
    let client = Client::connect(&address.connect_string()).await.unwrap();
    assert_eq!(client.list_children("/mesos").await.unwrap(), [node]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_node_is_removed_is_lost_for_good() {
    let ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    let a = contend(&address, "a", 5050);
    lead(&a).await;
    let Candidacy::Leading { node } = a.watch().borrow().clone() else {
        unreachable!()
    };
    let client = Client::connect(&address.connect_string()).await.unwrap();
    client.delete(&address.child(&node), None).await.unwrap();
    wait_for(&a, |s| matches!(s, Candidacy::Lost { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_protect_the_candidate() {
    let ensemble = Ensemble::start(1).await;
    let url = ensemble.url("/mesos");
    let address: Address = url.replace("zk://", "zk://me:secret@").parse().unwrap();
    let a = contend(&address, "a", 5050);
    lead(&a).await;
    let Candidacy::Leading { node } = a.watch().borrow().clone() else {
        unreachable!()
    };
    let client = Client::connect(&address.connect_string()).await.unwrap();
    let refused = client.set_data(&address.child(&node), b"x", None).await;
    assert_eq!(refused.unwrap_err(), zookeeper_client::Error::NoAuth);
    // Reading stays open to agents and frameworks without credentials.
    let open: Address = url.parse().unwrap();
    wait_leader(&mut Detector::start(open, SESSION).watch(), Some("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_dead_servers_and_suspends_without_quorum() {
    let mut ensemble = Ensemble::start(3).await;
    ensemble.kill(1);
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    // One of three is down from the start.
    let a = contend(&address, "a", 5050);
    lead(&a).await;
    let detector = Detector::start(address.clone(), SESSION);
    let mut leader = detector.watch();
    wait_leader(&mut leader, Some("a")).await;

    // No majority: the leader stops acting, then its session is over, and observers forget it.
    ensemble.kill(2);
    wait_for(&a, |s| {
        matches!(s, Candidacy::Suspended { .. } | Candidacy::Lost { .. })
    })
    .await;
    wait_for(&a, |s| matches!(s, Candidacy::Lost { .. })).await;
    wait_leader(&mut leader, None).await;
    assert!(detector.problem().is_some());

    // The majority is back: a new candidate leads.
    drop(a);
    let b = contend(&address, "b", 5051);
    ensemble.spawn(1);
    ensemble.spawn(2);
    lead(&b).await;
    wait_leader(&mut leader, Some("b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_restart_of_the_server_suspends_and_resumes() {
    let mut ensemble = Ensemble::start(1).await;
    let address: Address = ensemble.url("/mesos").parse().unwrap();
    // Long enough for a JVM to start on a busy machine.
    let a = Contender::start(
        address.clone(),
        master("a", 5050),
        Duration::from_secs(10),
        Entry::Candidate,
    );
    lead(&a).await;
    ensemble.kill(1);
    wait_for(&a, |s| matches!(s, Candidacy::Suspended { .. })).await;
    assert!(!a.lease().holds());
    ensemble.spawn(1);
    let after = wait_for(&a, |s| !matches!(s, Candidacy::Suspended { .. })).await;
    assert!(
        after.is_leading() || matches!(after, Candidacy::Lost { .. }),
        "{after:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn says_why_it_cannot_connect() {
    let address: Address = "zk://127.0.0.1:1/mesos".parse().unwrap();
    let a = contend(&address, "a", 5050);
    let state = wait_for(&a, |s| matches!(s, Candidacy::Connecting { problem: Some(_) })).await;
    assert!(
        format!("{state:?}").contains("cannot reach ZooKeeper at 127.0.0.1:1"),
        "{state:?}"
    );
    timeout(LIMIT, a.leave()).await.unwrap();
}
