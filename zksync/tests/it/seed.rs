//! Targets of every version that are born with a source's data: all fields are equal, seen through observers on both.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::learner::Event;
use mesolith_zk::record::Op;
use mesolith_zk::tree::Tree;
use mesolith_zksync::checkpoint::Checkpoint;
use mesolith_zksync::seed;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Permission};

use crate::observer::Observer;

const LIMIT: Duration = Duration::from_secs(120);

pub fn setup(version: Setup, first_id: usize) -> Setup {
    Setup {
        jvm: vec!["-Xmx96m".into(), "-Dzookeeper.extendedTypesEnabled=true".into()],
        config: "maxSessionTimeout=120000\n".into(),
        first_id,
        ..version
    }
}

pub async fn connect(ensemble: &Ensemble, old: bool, session: Duration) -> Client {
    let mut connector = Client::connector().with_session_timeout(session);
    if old {
        connector = connector.with_server_version(3, 4, 14);
    }
    let until = Instant::now() + LIMIT;
    loop {
        match connector.clone().connect(&ensemble.connect_string()).await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Nodes of every sort below `root`, with versions and counters above zero.
pub async fn fill(client: &Client, root: &str, rounds: usize, old: bool) {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let list = [
        Acl::new(Permission::ALL, AuthId::anyone()),
        Acl::new(Permission::READ, AuthId::new("ip", "192.0.2.3")),
    ];
    let make = async |path: String, mode: CreateMode| {
        let options = mode.with_acls(Acls::anyone_all());
        client.create(&path, path.as_bytes(), &options).await.unwrap();
    };
    client.mkdir(root, &open).await.unwrap();
    for round in 0..rounds {
        let path = format!("{root}/n{round}");
        make(path.clone(), CreateMode::Persistent).await;
        for n in 0..round % 4 {
            client.set_data(&path, &vec![b'x'; 50 * n], None).await.unwrap();
            make(format!("{path}/s-"), CreateMode::PersistentSequential).await;
        }
        match round % 5 {
            0 => make(format!("{path}/e"), CreateMode::Ephemeral).await,
            1 => drop(client.set_acl(&path, &list, None).await.unwrap()),
            2 => {
                make(format!("{path}/gone"), CreateMode::Persistent).await;
                client.delete(&format!("{path}/gone"), None).await.unwrap();
            }
            3 if !old => {
                make(format!("{path}/box"), CreateMode::Container).await;
                make(format!("{path}/box/child"), CreateMode::Persistent).await;
            }
            4 if !old => {
                let ttl = open.clone().with_ttl(Duration::from_secs(3600));
                client.create(&format!("{path}/ttl"), b"", &ttl).await.unwrap();
            }
            _ => {}
        }
    }
}

/// Differences that matter: the member list is each side's own, and so is what the seed adds.
fn differences(a: &Tree, b: &Tree) -> Vec<String> {
    let own = |path: &str| path == "/zookeeper/config" || path.starts_with("/mesolith");
    a.differences(b, usize::MAX)
        .iter()
        .filter(|difference| !own(&difference.path))
        .map(ToString::to_string)
        .collect()
}

struct Case {
    source: Setup,
    target: Setup,
    servers: usize,
    /// Neither containers nor TTL nodes.
    plain: bool,
    /// The source is 3.4.
    old: bool,
}

async fn seeds(case: Case) {
    let source = Ensemble::start_with(2, setup(case.source, 1), |_| ()).await;
    let client = connect(&source, case.old, Duration::from_secs(60)).await;
    fill(&client, "/a", 60, case.plain).await;
    fill(&client, "/mesolith", 2, true).await;
    let a = Observer::join(&source, 9001).await;

    let mut target = Ensemble::prepare(case.servers, setup(case.target, 101));
    let dirs: Vec<PathBuf> = (1..=case.servers).map(|id| target.data_dir(id)).collect();
    let tree = a.tree();
    assert_eq!(
        seed::check_dirs(&dirs, seed::length(tree)).unwrap(),
        [] as [&str; 0]
    );
    let options = seed::Options {
        nodes: seed::checkpoint_nodes("main", tree.last_zxid()),
        ..seed::Options::default()
    };
    let seeded = seed::write(tree, &dirs, options).unwrap();
    let begun = Instant::now();
    for id in 1..=case.servers {
        target.spawn(id);
    }
    target.wait_all().await;
    let serving = begun.elapsed();
    let b = Observer::join(&target, 9002).await;
    let (x, y) = (a.tree(), b.tree());
    let different = differences(x, y);
    println!(
        "{} nodes, {} sessions, {} different; serving after {serving:?}, compared after {:?}; at {} from {}",
        x.len(),
        x.sessions().len(),
        different.len(),
        begun.elapsed(),
        y.last_zxid(),
        seeded.zxid,
    );
    assert!(different.is_empty(), "{different:#?}");
    assert!(x.len() > 130 && !x.sessions().is_empty());
    assert!(y.last_zxid().epoch() > seeded.epoch, "{}", y.last_zxid());
    assert!(y.get("/mesolith/n0").is_none());
    let (found, version) = Checkpoint::read(y, &Checkpoint::path("main")).unwrap();
    assert_eq!(
        (found.position(), found.complete, version),
        (seeded.zxid, true, 0)
    );
    // A server has been started: nothing may be seeded over its data.
    let refused = seed::check_dirs(&dirs, 0).unwrap_err();
    assert_eq!(refused.reason(), "SeedDirNotEmpty", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_3_8_seeds_three_of_3_8() {
    seeds(Case {
        source: Setup::default(),
        target: Setup::default(),
        servers: 3,
        plain: false,
        old: false,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_3_4_seeds_3_9() {
    seeds(Case {
        source: Setup::version("3.4.14"),
        target: Setup::version("3.9.3"),
        servers: 2,
        plain: true,
        old: true,
    })
    .await;
}

/// Without containers and TTL nodes, which 3.4 does not know.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_3_8_seeds_3_4() {
    seeds(Case {
        source: Setup::default(),
        target: Setup::version("3.4.14"),
        servers: 2,
        plain: true,
        old: false,
    })
    .await;
}

/// What is seeded is a session with all its time left, and nobody but the engine keeps it alive there.
#[tokio::test(flavor = "multi_thread")]
async fn a_seeded_session_lives_as_long_as_somebody_touches_it() {
    const SHORT: Duration = Duration::from_secs(4);
    let source = Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()).await;
    let touched = connect(&source, false, SHORT).await;
    let left = connect(&source, false, SHORT).await;
    let mode = || CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    touched.create("/touched", b"", &mode()).await.unwrap();
    left.create("/left", b"", &mode()).await.unwrap();
    let a = Observer::join(&source, 9001).await;
    let mut target = Ensemble::prepare(2, setup(Setup::default(), 101));
    let dirs = [1, 2].map(|id| target.data_dir(id));
    seed::write(a.tree(), &dirs, seed::Options::default()).unwrap();
    (1..=2).for_each(|id| target.spawn(id));
    target.wait_all().await;
    let mut b = Observer::join(&target, 9002).await;
    let id = touched.session_id().0;
    b.learner.touch_list().keep([(id, 4000)]);
    assert!(b.tree().get("/touched").is_some() && b.tree().get("/left").is_some());
    let ended = left.session_id().0;
    b.until(|event, _| match event {
        Event::Committed { txn, .. } if matches!(txn.op, Op::CloseSession { .. }) => {
            assert_eq!(txn.header.session, ended, "a session that was touched has ended");
            true
        }
        _ => false,
    })
    .await;
    let found = differences(a.tree(), b.tree());
    println!("after the session nobody touched has ended: {found:#?}");
    assert!(
        found.iter().any(|line| line.starts_with("/left: node")),
        "{found:?}"
    );
    // Long after, the other one is still there.
    let quiet = tokio::time::timeout(4 * SHORT, b.until(|_, tree| tree.get("/touched").is_none())).await;
    assert!(quiet.is_err(), "the session that was touched has ended");
}
