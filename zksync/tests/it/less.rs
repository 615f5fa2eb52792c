//! The engine into a target whose servers know less than the source's, or of which less is seen.

use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zksync::engine;
use mesolith_zksync::handle::{Command, DiffReport, Handle};
use mesolith_zksync::options::{EndpointOptions, parse_servers};
use mesolith_zksync::status::State;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Permission};

use crate::options::options;
use crate::seed::{connect, setup};

const LIMIT: Duration = Duration::from_secs(90);
const SESSION: Duration = Duration::from_secs(60);

pub fn endpoint(ensemble: &Ensemble) -> EndpointOptions {
    let with_quorum = |id| {
        let quorum = ensemble.quorum(id);
        let port = quorum.rsplit(':').next().unwrap_or_default().to_owned();
        format!("{}:{port}", ensemble.server(id))
    };
    let servers: Vec<_> = (1..=ensemble.len()).map(with_quorum).collect();
    EndpointOptions {
        servers: parse_servers("--source", &servers.join(",")).unwrap(),
        ..EndpointOptions::default()
    }
}

pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An engine that has made both sides equal.
pub async fn start(
    a: &Ensemble,
    b: &Ensemble,
    dir: &tempfile::TempDir,
) -> (Handle, JoinHandle<Result<(), engine::Error>>) {
    let (engine, task) = engine::start(options("less", endpoint(a), endpoint(b), dir.path())).unwrap();
    let end = Instant::now() + LIMIT;
    while engine.status.borrow().state != State::InSync {
        assert!(Instant::now() < end, "{:#?}", engine.status.borrow());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (engine, task)
}

pub async fn diff(engine: &Handle) -> DiffReport {
    let (answer, report) = oneshot::channel();
    let diff = Command::Diff { limit: 50, answer };
    engine.commands.send(diff).await.unwrap();
    tokio::time::timeout(LIMIT, report)
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

/// Sorts of nodes, under a prefix, with a list that the target does not take.
async fn make(client: &Client, prefix: &str, list: &[Acl]) {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    let ttl = open.clone().with_ttl(Duration::from_secs(3600));
    let closed = CreateMode::Persistent.with_acls(Acls::new(list));
    client
        .create(&format!("/{prefix}-c"), b"", &container)
        .await
        .unwrap();
    client
        .create(&format!("/{prefix}-c/x"), b"x", &open)
        .await
        .unwrap();
    client.create(&format!("/{prefix}-t"), b"t", &ttl).await.unwrap();
    client
        .create(&format!("/{prefix}-made"), b"m", &closed)
        .await
        .unwrap();
    client
        .create(&format!("/{prefix}-set"), b"s", &open)
        .await
        .unwrap();
    client
        .set_acl(&format!("/{prefix}-set"), list, None)
        .await
        .unwrap();
    let only = CreateMode::Persistent.with_acls(Acls::new(&list[1..]));
    client
        .create(&format!("/{prefix}-only"), b"o", &only)
        .await
        .unwrap();
    // They go on being carried.
    for name in ["made", "set", "t", "c"] {
        client
            .set_data(&format!("/{prefix}-{name}"), b"later", None)
            .await
            .unwrap();
    }
}

async fn has_what_it_can_hold(source: Setup, target: Setup, old: bool, entry: AuthId) {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, source, |_| ()),
        Ensemble::start_with(2, target, |_| ())
    );
    let on_a = connect(&a, false, SESSION).await;
    let on_b = connect(&b, old, SESSION).await;
    let list = [
        Acl::new(Permission::ALL, AuthId::anyone()),
        Acl::new(Permission::READ, entry),
    ];
    make(&on_a, "before", &list).await;
    let dir = tempfile::tempdir().unwrap();
    let (engine, task) = engine::start(options("less", endpoint(&a), endpoint(&b), dir.path())).unwrap();
    let in_sync = async || (engine.status.borrow().state == State::InSync).then_some(());
    let waited = tokio::time::timeout(Duration::from_secs(30), until("in sync", in_sync)).await;
    assert!(
        waited.is_ok(),
        "{:#?} {:?}",
        engine.status.borrow(),
        task.is_finished()
    );
    make(&on_a, "after", &list).await;
    let report = diff(&engine).await;
    let mut fields: Vec<_> = report.differences.iter().map(|d| (&*d.path, &*d.field)).collect();
    fields.sort_unstable();
    let named = [
        "after-made",
        "after-only",
        "after-set",
        "before-made",
        "before-only",
        "before-set",
    ];
    let expected = named.map(|name| (format!("/{name}"), "acl"));
    let expected: Vec<_> = expected.iter().map(|(path, field)| (&**path, *field)).collect();
    assert_eq!(fields, expected, "{report:#?}");
    for prefix in ["before", "after"] {
        for name in ["made", "set"] {
            let path = format!("/{prefix}-{name}");
            assert_eq!(on_b.get_data(&path).await.unwrap().0, b"later");
            assert_eq!(on_b.get_acl(&path).await.unwrap().0, list[..1]);
        }
        let denied = on_b.get_data(&format!("/{prefix}-only")).await;
        assert!(
            matches!(denied, Err(zookeeper_client::Error::NoAuth)),
            "{denied:?}"
        );
    }
    let status = engine.status.borrow().clone();
    let refused = status.alerts.iter().find(|alert| alert.reason == "NodesRefused");
    assert!(refused.is_none(), "{refused:?}");
    assert_eq!(status.conflicts, 0);
    // What goes on A goes on B.
    on_a.delete("/after-c/x", None).await.unwrap();
    on_a.delete("/after-c", None).await.unwrap();
    on_a.delete("/after-t", None).await.unwrap();
    for path in ["/after-c", "/after-t"] {
        until(path, async || {
            on_b.check_stat(path).await.unwrap().is_none().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_3_4_get_persistent_nodes_and_no_masks() {
    let source = setup(Setup::version("3.9.3"), 1);
    let target = setup(Setup::version("3.4.14"), 101);
    has_what_it_can_hold(source, target, true, AuthId::new("ip", "192.0.2.3/24")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_set_up_shows_with_the_first_refusal() {
    let mut source = setup(Setup::default(), 1);
    let provider = "-Dzookeeper.authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
    source.jvm.push(provider.into());
    let target = Setup {
        first_id: 101,
        jvm: vec!["-Xmx96m".into()],
        ..Setup::default()
    };
    has_what_it_can_hold(source, target, false, AuthId::new("sasl", "bob")).await;
}

/// The target is a standalone server, which no observer can join.
async fn through_a_client_port(target: Setup, old: bool) {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()),
        Ensemble::start_with(1, target, |_| ())
    );
    let on_a = connect(&a, false, SESSION).await;
    let on_b = connect(&b, old, SESSION).await;
    let open = Acl::new(Permission::ALL, AuthId::anyone());
    let names = ["/before-c", "/before-c/x", "/before-t", "/before-set"];
    make(&on_a, "before", &[open.clone(), open]).await;
    let dir = tempfile::tempdir().unwrap();
    let (engine, task) = start(&a, &b, &dir).await;
    let made = async || {
        let mut made = Vec::new();
        for name in names {
            made.push(
                on_b.check_stat(name)
                    .await
                    .unwrap()
                    .map(|stat| (stat.czxid, stat.version)),
            );
        }
        made
    };
    let first = made().await;
    assert!(first.iter().all(Option::is_some), "{first:?}");
    // A new engine has nothing to do.
    drop(engine);
    tokio::time::timeout(LIMIT, task).await.unwrap().unwrap().unwrap();
    let (engine, _task) = start(&a, &b, &dir).await;
    assert_eq!(made().await, first);
    assert_eq!(engine.status.borrow().conflicts, 0);
    // What others write there is put right, and logged.
    on_b.set_data("/before-set", b"theirs", None).await.unwrap();
    until("put right", async || {
        let (data, _) = on_b.get_data("/before-set").await.unwrap();
        (data == b"later").then_some(())
    })
    .await;
    until("logged", async || {
        (engine.status.borrow().conflicts == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_target_is_not_written_again_and_put_right() {
    through_a_client_port(setup(Setup::default(), 101), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_target_of_3_4_is_not_written_again_and_put_right() {
    through_a_client_port(setup(Setup::version("3.4.14"), 101), true).await;
}
