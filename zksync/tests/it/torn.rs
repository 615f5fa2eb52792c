//! An ensemble one of whose servers has lost what all had acknowledged, as ZOOKEEPER-4646 leaves it, and then leads.

use std::path::Path;
use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zk::record::{Op, Txn, TxnHeader};
use mesolith_zk::tree::Tree;
use mesolith_zksync::handle::{Command, ConflictRecord, Handle};
use mesolith_zksync::seed;
use tokio::sync::oneshot;
use zookeeper_client::{Acls, CreateMode};

use crate::less::{start, until};
use crate::observer::Observer;
use crate::seed::{connect, setup};

const SESSION: Duration = Duration::from_secs(60);

async fn conflicts(engine: &Handle) -> Vec<ConflictRecord> {
    let (answer, conflicts) = oneshot::channel();
    let ask = Command::Conflicts { limit: 10, answer };
    engine.commands.send(ask).await.unwrap();
    conflicts.await.unwrap().unwrap()
}

/// An ensemble with one acknowledged write, and its data without it.
async fn prepare() -> (Ensemble, Tree) {
    let origin = Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()).await;
    let client = connect(&origin, false, SESSION).await;
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create("/n", b"at first", &open).await.unwrap();
    let mut torn = Observer::join(&origin, 9001).await.tree().clone();
    client.set_data("/n", b"acknowledged", None).await.unwrap();
    let whole = Observer::join(&origin, 9002).await;
    let header = TxnHeader {
        zxid: whole.tree().last_zxid(),
        ..TxnHeader::default()
    };
    torn.apply(&Txn {
        header,
        op: Op::Error { code: 0 },
        digest: None,
    });
    let mut ensemble = Ensemble::prepare(3, setup(Setup::default(), 1));
    let dirs = [1, 2, 3].map(|id| ensemble.data_dir(id));
    seed::write(whole.tree(), &dirs, seed::Options::default()).unwrap();
    (1..=3).for_each(|id| ensemble.spawn(id));
    ensemble.wait_all().await;
    (ensemble, torn)
}

/// A stopped server's history begins with this data; the transactions that follow stay.
fn begin_with(tree: &Tree, server: &Path) {
    let other = tempfile::tempdir().unwrap();
    seed::write(tree, &[other.path().to_owned()], seed::Options::default()).unwrap();
    let snapshots = |dir: &Path| {
        let files = std::fs::read_dir(dir.join("version-2")).unwrap().flatten();
        let named = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().starts_with("snapshot.");
        files.filter(named).collect::<Vec<_>>()
    };
    for old in snapshots(server) {
        std::fs::remove_file(old.path()).unwrap();
    }
    for new in snapshots(other.path()) {
        std::fs::copy(new.path(), server.join("version-2").join(new.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_has_lost_something_is_followed_and_told() {
    let ((mut a, torn), b) = tokio::join!(
        prepare(),
        Ensemble::start_with(2, setup(Setup::default(), 101), |_| ())
    );
    let dir = tempfile::tempdir().unwrap();
    let (engine, task) = start(&a, &b, &dir).await;
    let on_b = connect(&b, false, SESSION).await;
    assert_eq!(on_b.get_data("/n").await.unwrap().0, b"acknowledged");

    // It has as long a history as the others, so of two it is the one that leads.
    a.kill(3);
    begin_with(&torn, &a.data_dir(3));
    a.spawn(3);
    a.wait_serving(3).await;
    a.kill(2);
    let on_a = connect(&a, false, SESSION).await;
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    until("A takes writes", async || {
        on_a.create("/more", b"", &open).await.ok()
    })
    .await;
    assert_eq!(a.leader().await, 3);
    until("B has what A has", async || {
        let (data, _) = on_b.get_data("/n").await.ok()?;
        (data == b"at first" && on_b.check_stat("/more").await.ok()?.is_some()).then_some(())
    })
    .await;
    let alerts = until("an alert", async || {
        let alerts = engine.status.borrow().alerts.clone();
        alerts
            .iter()
            .any(|alert| alert.reason == "LeaderDiffers")
            .then_some(alerts)
    })
    .await;
    println!("{alerts:?}");
    let conflicts = conflicts(&engine).await;
    let [conflict] = conflicts.as_slice() else {
        panic!("{conflicts:#?}")
    };
    assert_eq!(conflict.path, "/n");
    use base64::Engine as _;
    let kept = base64::engine::general_purpose::STANDARD.encode("acknowledged");
    assert_eq!(conflict.b.as_deref(), Some(kept.as_str()), "{conflict:?}");
    drop(engine);
    task.await.unwrap().unwrap();
}
