//! Files of real servers of several versions, read and compared with what a client sees; and files of ours, loaded.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::Path;

use mesolith_zk::record::{NodeStat, Txn, Zxid};
use mesolith_zk::snapshot::{self, Trailers};
use mesolith_zk::tree::{DigestCheck, Tree};
use mesolith_zk::txn_log::{self, LogReader};

use crate::workload::{self, Abilities, connect};
use mesolith_testkit_zookeeper::{Ensemble, Setup};

/// Files of one kind with the zxid in their names, in order.
fn named(dir: &Path, kind: &str) -> Vec<(Zxid, std::path::PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let zxid = i64::from_str_radix(name.strip_prefix(kind)?, 16).ok()?;
            Some((Zxid(zxid), path))
        })
        .collect();
    found.sort();
    found
}

struct Replayed {
    tree: Tree,
    txns: usize,
    equal: usize,
    /// Digests that did not match after the last transaction that a snapshot may overlap.
    wrong: Vec<Zxid>,
}

/// A snapshot, and all transactions of the logs after it; nothing if the snapshot is not whole.
fn replay(dir: &Path, start: (Zxid, &Path), exact_from: Zxid) -> Option<Replayed> {
    let file = File::open(start.1).unwrap();
    let tree = snapshot::read(file, start.0).ok()?.tree;
    let mut result = Replayed {
        tree,
        txns: 0,
        equal: 0,
        wrong: Vec::new(),
    };
    for (_, path) in named(dir, "log.") {
        for txn in LogReader::new(BufReader::new(File::open(path).unwrap())).unwrap() {
            let txn = match txn {
                Err(txn_log::Error::Torn { .. }) => break,
                other => other.unwrap(),
            };
            let zxid = txn.header.zxid;
            assert_eq!(Txn::decode(&txn.encode()).unwrap(), txn);
            if zxid <= result.tree.last_zxid() {
                continue;
            }
            result.txns += 1;
            match result.tree.apply(&txn) {
                DigestCheck::Equal => result.equal += 1,
                DigestCheck::Different { .. } if zxid >= exact_from => result.wrong.push(zxid),
                DigestCheck::Different { .. } | DigestCheck::Absent => {}
            }
        }
    }
    Some(result)
}

async fn files_of(mut setup: Setup, old: bool, digests: bool, target: Setup, target_old: bool) {
    setup.jvm = vec![
        "-Dzookeeper.extendedTypesEnabled=true".into(),
        "-Dzookeeper.snapCount=120".into(),
    ];
    setup.config = "maxSessionTimeout=60000\n".into();
    let mut ensemble = Ensemble::start_with(1, setup, |_| ()).await;
    let client = connect(&ensemble.server(1), old).await;
    let leaving = connect(&ensemble.server(1), old).await;
    let can = Abilities {
        containers: !old,
        ttl: !old,
    };
    workload::write(&client, "/a/stays", 40, can).await.unwrap();
    workload::write(&leaving, "/a/leaves", 20, can).await.unwrap();
    let session = leaving.session_id().0;
    drop(leaving);
    // What the client sees cannot change after its last write and the end of the other session.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while client.check_stat("/a/leaves/n0/e").await.unwrap().is_some() {
        assert!(std::time::Instant::now() < until, "session {session:#x} stays");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let dir = ensemble.data(1);
    let snapshots = named(&dir, "snapshot.");
    assert!(snapshots.len() >= 3, "{snapshots:?}");
    let mut trees = Vec::new();
    for (n, (zxid, path)) in snapshots.iter().enumerate() {
        // The first was written before the first transaction, so everything after it must match at once. Others overlap
        // what was written meanwhile, and end before the next begins.
        let exact_from = match snapshots.get(n + 1) {
            _ if n == 0 => Zxid(0),
            Some((next, _)) => *next,
            None => Zxid(i64::MAX),
        };
        let Some(replayed) = replay(&dir, (*zxid, path), exact_from) else {
            assert_eq!(
                n + 1,
                snapshots.len(),
                "only the last one may still be in the making: {path:?}"
            );
            continue;
        };
        assert_eq!(replayed.wrong, [], "from {path:?}");
        if digests && n == 0 {
            assert!(replayed.equal > 300, "{} of {}", replayed.equal, replayed.txns);
        }
        println!(
            "{path:?}: {} transactions, {} digests equal",
            replayed.txns, replayed.equal
        );
        trees.push(replayed.tree);
    }
    for tree in &trees[1..] {
        assert_eq!(trees[0].differences(tree, 10), []);
    }
    let nodes = workload::compare(&client, &trees[0]).await;
    println!("{nodes} nodes equal to what the client sees");
    ensemble.kill(1);
    seeds(trees.remove(0), target, target_old).await;
}

/// Another server loads what we write, and a client sees the same there.
async fn seeds(mut tree: Tree, mut target: Setup, old: bool) {
    target.jvm = vec!["-Dzookeeper.extendedTypesEnabled=true".into()];
    target.config = "maxSessionTimeout=60000\n".into();
    if tree.get("/zookeeper/config").is_none() {
        // A server of 3.5 or later makes this node when it starts.
        let blank = NodeStat::default();
        tree.insert("/zookeeper/config", Some(b""), None, blank).unwrap();
    }
    let trailers = Trailers {
        digest: !old,
        last_zxid: !old,
    };
    let seed = |dir: &Path| {
        let path = dir.join(format!("snapshot.{:x}", tree.last_zxid().0));
        snapshot::write(&tree, BufWriter::new(File::create(path).unwrap()), trailers).unwrap();
    };
    let ensemble = Ensemble::start_with(1, target, seed).await;
    let client = connect(&ensemble.server(1), old).await;
    let nodes = workload::compare(&client, &tree).await;
    println!("{nodes} nodes equal on the seeded server");
    // And it goes on from there: the digests of its own transactions match the tree.
    workload::write(
        &client,
        "/b",
        5,
        Abilities {
            containers: !old,
            ttl: !old,
        },
    )
    .await
    .unwrap();
    let zxid = tree.last_zxid();
    let mut checked = 0;
    for (_, path) in named(&ensemble.data(1), "log.") {
        for txn in LogReader::new(File::open(path).unwrap()).unwrap() {
            let Ok(txn) = txn else { break };
            let check = tree.apply(&txn);
            assert!(
                !matches!(check, DigestCheck::Different { .. }),
                "{txn:?}: {check:?}"
            );
            checked += usize::from(check == DigestCheck::Equal);
        }
    }
    assert!(tree.last_zxid() > zxid && (old || checked > 20), "{checked}");
    workload::compare(&client, &tree).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_3_8_seed_3_9() {
    files_of(Setup::default(), false, true, Setup::version("3.9.3"), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_3_9_seed_3_8() {
    files_of(Setup::version("3.9.3"), false, true, Setup::default(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_3_4_seed_3_9() {
    files_of(
        Setup::version("3.4.14"),
        true,
        false,
        Setup::version("3.9.3"),
        false,
    )
    .await;
}
