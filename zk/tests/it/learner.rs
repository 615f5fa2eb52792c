//! Observers of real ensembles: the tree equals what a client reads, whatever happens to the members.

use std::time::Duration;

use mesolith_zk::learner::{Check, Config, Event, Learner, Server};
use mesolith_zk::record::Zxid;
use mesolith_zk::tree::DigestCheck;
use tokio::time::timeout;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::workload::{self, Abilities, connect};
use mesolith_testkit_zookeeper::{Ensemble, Setup};

const LIMIT: Duration = Duration::from_secs(120);

fn config(ensemble: &Ensemble, n: usize, dir: &tempfile::TempDir) -> Config {
    let servers = (1..=n)
        .map(|id| Server {
            client: ensemble.server(id),
            quorum: Some(ensemble.quorum(id)),
        })
        .collect();
    Config::new(servers, dir.path().to_path_buf())
}

/// What was seen on the way.
#[derive(Debug, Default)]
struct Seen {
    snapshots: usize,
    up_to_date: usize,
    lost: usize,
    committed: usize,
    equal: usize,
}

/// Takes events until the node at `path` is in the tree.
async fn until(learner: &mut Learner, path: &str, seen: &mut Seen) {
    while learner.tree().get(path).is_none() {
        step(learner, seen).await;
    }
}

async fn step(learner: &mut Learner, seen: &mut Seen) {
    let event = timeout(LIMIT, learner.next())
        .await
        .unwrap_or_else(|_| panic!("silence after {seen:?}"));
    match event.unwrap() {
        Event::Snapshot { .. } => seen.snapshots += 1,
        Event::UpToDate { .. } => seen.up_to_date += 1,
        Event::LostLeader { cause } => {
            println!("lost: {cause}");
            seen.lost += 1;
        }
        other @ (Event::Truncated { .. } | Event::Revalidated { .. } | Event::Synced) => panic!("{other:?}"),
        Event::Committed { txn, check } => {
            seen.committed += 1;
            match check {
                Check::Compared(DigestCheck::Equal) => seen.equal += 1,
                Check::Compared(DigestCheck::Absent) | Check::Settling => {}
                Check::Compared(different) => panic!("{different:?} at {txn:?}"),
            }
        }
    }
}

async fn mark(client: &Client, path: &str) {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let tries = std::time::Instant::now() + LIMIT;
    loop {
        match client.create(path, b"", &open).await {
            Ok(_) | Err(zookeeper_client::Error::NodeExists) => return,
            Err(error) => assert!(std::time::Instant::now() < tries, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn setup(mut setup: Setup) -> Setup {
    setup.jvm = vec!["-Xmx128m".into(), "-Dzookeeper.extendedTypesEnabled=true".into()];
    setup.config = "maxSessionTimeout=60000\n".into();
    setup
}

/// Everyone writes while the observer joins.
async fn follows(version: Setup, minor: u32) {
    let (old, digests) = (minor < 5, minor >= 6);
    let ensemble = Ensemble::start_with(3, setup(version), |_| ()).await;
    let dir = tempfile::tempdir().unwrap();
    let can = Abilities {
        containers: !old,
        ttl: !old,
    };
    let mut clients = Vec::new();
    for id in 1..=3 {
        clients.push(connect(&ensemble.server(id), old).await);
    }
    workload::write(&clients[0], "/before", 20, can).await.unwrap();
    let roots = ["/w1", "/w2", "/w3"];
    let writing = clients
        .iter()
        .zip(roots)
        .map(|(client, root)| workload::write(client, root, 60, can));
    let mut learner = Learner::start(config(&ensemble, 3, &dir), None).unwrap();
    let mut seen = Seen::default();
    let work = async {
        for done in futures::future::join_all(writing).await {
            done.unwrap();
        }
        mark(&clients[0], "/end").await;
    };
    tokio::join!(work, until(&mut learner, "/end", &mut seen));
    // A member behind another client may be one transaction behind.
    clients[1].sync("/").await.unwrap();
    let nodes = workload::compare(&clients[1], learner.tree()).await;
    println!("{nodes} nodes equal; {seen:?}");
    assert_eq!((seen.snapshots, seen.lost), (1, 0), "{seen:?}");
    assert_eq!(digests, seen.equal > 20, "{seen:?}");
    if !old {
        assert_eq!(learner.tree().sessions().len(), 3);
    }
    if digests {
        // The observer never shows up as a voter. (Versions before 3.6 do not say.)
        let leader = ensemble.server(ensemble.leader().await);
        let values = mesolith_zk::four_letter::mntr(&leader, Duration::from_secs(5))
            .await
            .unwrap();
        let count = |name: &str| values[name].clone();
        let counts = ["zk_synced_followers", "zk_synced_observers"].map(count);
        assert_eq!(counts, ["2", "1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_4() {
    follows(Setup::version("3.4.14"), 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_5() {
    follows(Setup::version("3.5.10"), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_6() {
    follows(Setup::version("3.6.4"), 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_7() {
    follows(Setup::version("3.7.2"), 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_8() {
    follows(Setup::default(), 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_3_9() {
    follows(Setup::version("3.9.3"), 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_the_leader_was_killed_and_a_member_restarted() {
    let mut ensemble = Ensemble::start_with(3, setup(Setup::default()), |_| ()).await;
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<_> = (1..=3).map(|id| ensemble.server(id)).collect();
    let client = connect(&all.join(","), false).await;
    let mut learner = Learner::start(config(&ensemble, 3, &dir), None).unwrap();
    let mut seen = Seen::default();
    workload::write(&client, "/a", 10, workload::ALL).await.unwrap();
    mark(&client, "/a-end").await;
    until(&mut learner, "/a-end", &mut seen).await;
    let epoch = learner.tree().last_zxid().epoch();
    for round in 0..2 {
        let leader = ensemble.leader().await;
        ensemble.kill(leader);
        while seen.lost == 0 {
            step(&mut learner, &mut seen).await;
        }
        let next = ensemble.leader().await;
        assert_ne!(next, leader);
        mark(&client, &format!("/survivor{round}")).await;
        // A write can fail while the client looks for another member; the next one goes on.
        let _ = workload::write(&client, &format!("/b{round}"), 10, workload::ALL).await;
        ensemble.spawn(leader);
        ensemble.wait_serving(leader).await;
        mark(&client, &format!("/end{round}")).await;
        until(&mut learner, &format!("/end{round}"), &mut seen).await;
        seen.lost = 0;
    }
    assert!(learner.tree().last_zxid().epoch() > epoch);
    assert_eq!(seen.snapshots, 1, "a resumed link needs no snapshot: {seen:?}");
    client.sync("/").await.unwrap();
    println!(
        "{} nodes equal; {seen:?}",
        workload::compare(&client, learner.tree()).await
    );

    // A tree that is ahead of the ensemble is refused, not cut.
    let mut ahead = learner.tree().clone();
    ahead.set_last_zxid(Zxid(ahead.last_zxid().0 + 1000));
    let mut other = config(&ensemble, 3, &dir);
    other.id = 9_000_002;
    let mut stranger = Learner::start(other, Some(ahead)).unwrap();
    let event = timeout(LIMIT, stranger.next()).await.unwrap().unwrap();
    assert!(matches!(event, Event::Truncated { .. }), "{event:?}");
    // Begun again it takes a snapshot and is equal.
    stranger.restart().unwrap();
    let mut fresh = Seen::default();
    while fresh.up_to_date == 0 {
        step(&mut stranger, &mut fresh).await;
    }
    let mut differences = stranger.tree().differences(learner.tree(), 10);
    // Each server makes this node itself, at the time of its own start.
    differences.retain(|d| d.path != "/zookeeper/config");
    assert_eq!(differences, []);
}

#[tokio::test]
async fn a_voters_id_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(Vec::new(), dir.path().to_path_buf());
    config.id = 3;
    assert_eq!(
        Learner::start(config, None).unwrap_err().reason(),
        "ObserverIdInvalid"
    );
}

/// A reader that takes nothing for a while, with memory for a few transactions only, in front of a big tree that changes
/// while it is sent; then one with no room at all on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_loses_nothing() {
    let ensemble = Ensemble::start_with(3, setup(Setup::default()), |_| ()).await;
    let dir = tempfile::tempdir().unwrap();
    let client = connect(&ensemble.server(1), false).await;
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for batch in 0..20 {
        let mut multi = client.new_multi_writer();
        for n in 0..500 {
            multi
                .add_create(&format!("/big{batch}-{n}"), &[b'x'; 1000], &open)
                .unwrap();
        }
        multi.commit().await.unwrap();
    }
    let mut small = config(&ensemble, 3, &dir);
    small.memory_limit = 4096;
    let mut tiny = small.clone();
    (tiny.id, tiny.spool_limit) = (9_000_002, 20_000);
    // Both start in the middle of the writing, so that the snapshot overlaps it, and read only after it.
    let writing = async {
        workload::write(&client, "/first", 5, workload::ALL)
            .await
            .unwrap();
        let learners = [small, tiny].map(|config| Learner::start(config, None).unwrap());
        workload::write(&client, "/then", 100, workload::ALL)
            .await
            .unwrap();
        mark(&client, "/end").await;
        learners
    };
    let [mut spooling, mut giving_up] = writing.await;
    let (mut spooled, mut gave_up) = (Seen::default(), Seen::default());
    until(&mut spooling, "/end", &mut spooled).await;
    assert_eq!((spooled.snapshots, spooled.lost), (1, 0), "{spooled:?}");
    until(&mut giving_up, "/end", &mut gave_up).await;
    assert!(gave_up.lost >= 1 && gave_up.snapshots == 1, "{gave_up:?}");
    println!("{spooled:?}\n{gave_up:?}");
    assert_eq!(spooling.tree().digest(), giving_up.tree().digest());
    client.sync("/").await.unwrap();
    let nodes = workload::compare(&client, spooling.tree()).await;
    assert!(nodes > 10_000, "{nodes}");
}
