//! Counters of sequential nodes on real ensembles, where a part of the source is left out: the next sequential child has the
//! same name on both sides, before the switch and after it.

use std::time::Duration;

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use mesolith_zksync::engine;
use mesolith_zksync::handle::{Command, DiffReport, Handle};
use mesolith_zksync::options::{EndpointOptions, Options, parse_servers};
use mesolith_zksync::settings::{Direction, Route, Settings};
use mesolith_zksync::status::State;
use tokio::sync::oneshot;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::less::{endpoint, until};
use crate::options::options;
use crate::seed::{connect, setup};

const LIMIT: Duration = Duration::from_secs(90);
const SESSION: Duration = Duration::from_secs(60);

/// The masters' root without the log that they keep beside their election.
fn masters(direction: Direction) -> Settings {
    Settings {
        routes: vec![Route {
            root: "/m".into(),
            target_root: "/m".into(),
            direction,
        }],
        exclude: vec!["/m/log_replicas".into()],
        ..Settings::default()
    }
}

async fn engine_in_sync(options: Options) -> Handle {
    let (engine, _task) = engine::start(options).unwrap();
    until("in sync", async || {
        (engine.status.borrow().state == State::InSync).then_some(())
    })
    .await;
    engine
}

async fn ask<T>(engine: &Handle, command: impl FnOnce(mesolith_zksync::handle::Answer<T>) -> Command) -> T {
    let (answer, answered) = oneshot::channel();
    engine.commands.send(command(answer)).await.unwrap();
    tokio::time::timeout(LIMIT, answered)
        .await
        .unwrap()
        .unwrap()
        .unwrap()
}

async fn diff(engine: &Handle) -> DiffReport {
    ask(engine, |answer| Command::Diff { limit: 50, answer }).await
}

async fn make(client: &Client, path: &str) {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.create(path, b"", &open).await.unwrap();
}

/// The number that a sequential child gets.
async fn register(client: &Client, root: &str) -> i64 {
    let mode = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
    let (_, number) = client
        .create(&format!("{root}/json.info_"), b"", &mode)
        .await
        .unwrap();
    number.into_i64()
}

/// How many creates a node has counted.
async fn counter(client: &Client, path: &str) -> i32 {
    client.sync(path).await.unwrap();
    let stat = client.check_stat(path).await.unwrap().expect("it is there");
    (stat.cversion + stat.num_children) / 2
}

async fn counts_what_is_left_out(
    source: Setup,
    target: Setup,
    old: [bool; 2],
    (members, through): (usize, impl Fn(&Ensemble) -> EndpointOptions),
) {
    let (a, b) = tokio::join!(
        Ensemble::start_with(members, source, |_| ()),
        Ensemble::start_with(members, target, |_| ())
    );
    let on_a = connect(&a, old[0], SESSION).await;
    let on_b = connect(&b, old[1], SESSION).await;
    // What is there before: the log counts, so the first master has number 1.
    for path in ["/m", "/m/log_replicas", "/m/log_replicas/0"] {
        make(&on_a, path).await;
    }
    assert_eq!(register(&on_a, "/m").await, 1);
    let dir = tempfile::tempdir().unwrap();
    let started = Options {
        settings: masters(Direction::AToB),
        ..options("counters", through(&a), through(&b), dir.path())
    };
    let engine = engine_in_sync(started).await;
    assert_eq!(diff(&engine).await.differences, []);
    assert_eq!(counter(&on_b, "/m").await, 2);

    // While the engine runs it goes and comes again, beside a master that joins.
    for path in ["/m/log_replicas/0", "/m/log_replicas"] {
        on_a.delete(path, None).await.unwrap();
    }
    make(&on_a, "/m/log_replicas").await;
    assert_eq!(register(&on_a, "/m").await, 3);
    assert_eq!(diff(&engine).await.differences, []);
    assert_eq!(counter(&on_b, "/m").await, 4);
    assert!(on_b.check_stat("/m/log_replicas").await.unwrap().is_none());

    // The first master that joins on B is the next one.
    let wanted = engine
        .status
        .borrow()
        .settings
        .switched("/m", Direction::BToA)
        .unwrap();
    let wanted = Box::new(wanted);
    ask(&engine, |answer| Command::Configure(wanted, answer)).await;
    assert_eq!(register(&on_b, "/m").await, 4);
    // B's own log counts too, and A follows.
    make(&on_b, "/m/log_replicas").await;
    assert_eq!(register(&on_b, "/m").await, 6);
    assert_eq!(diff(&engine).await.differences, []);
    assert_eq!(counter(&on_a, "/m").await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_child_counts() {
    counts_what_is_left_out(
        setup(Setup::default(), 1),
        setup(Setup::default(), 101),
        [false; 2],
        (2, endpoint),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_child_counts_from_3_4_to_3_9() {
    let (source, target) = (Setup::version("3.4.14"), Setup::version("3.9.3"));
    counts_what_is_left_out(setup(source, 1), setup(target, 101), [true, false], (2, endpoint)).await;
}

/// Standalone servers have no quorum port.
#[tokio::test(flavor = "multi_thread")]
async fn an_excluded_child_counts_through_client_ports() {
    let clients = |ensemble: &Ensemble| EndpointOptions {
        servers: parse_servers("--source", &ensemble.server(1)).unwrap(),
        ..EndpointOptions::default()
    };
    counts_what_is_left_out(
        setup(Setup::default(), 1),
        setup(Setup::default(), 101),
        [false; 2],
        (1, clients),
    )
    .await;
}

/// Where clients of both sides make nodes of their own, and each has a part that is left out.
#[tokio::test(flavor = "multi_thread")]
async fn where_both_sides_write_the_higher_counter_counts() {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()),
        Ensemble::start_with(2, setup(Setup::default(), 101), |_| ())
    );
    let on_a = connect(&a, false, SESSION).await;
    let on_b = connect(&b, false, SESSION).await;
    make(&on_a, "/m").await;
    let dir = tempfile::tempdir().unwrap();
    let started = Options {
        settings: masters(Direction::Both),
        ..options("counters", endpoint(&a), endpoint(&b), dir.path())
    };
    let engine = engine_in_sync(started).await;
    // At the same time, so that both may raise the other.
    tokio::join!(make(&on_a, "/m/log_replicas"), make(&on_b, "/m/log_replicas"));
    until("counted", async || {
        let (a, b) = (counter(&on_a, "/m").await, counter(&on_b, "/m").await);
        (a == b && a > 0).then_some(())
    })
    .await;
    let number = register(&on_b, "/m").await;
    ask(&engine, Command::Barrier).await;
    assert_eq!(register(&on_a, "/m").await, number + 1);
    assert_eq!(diff(&engine).await.differences, []);
}

/// Sequential nodes at the top, where an ensemble's own nodes and those of before count as well.
#[tokio::test(flavor = "multi_thread")]
async fn the_root_is_never_behind() {
    let (a, b) = tokio::join!(
        Ensemble::start_with(2, setup(Setup::default(), 1), |_| ()),
        Ensemble::start_with(2, setup(Setup::default(), 101), |_| ())
    );
    let on_a = connect(&a, false, SESSION).await;
    let on_b = connect(&b, false, SESSION).await;
    for n in 0..20 {
        make(&on_a, &format!("/gone-{n}")).await;
        on_a.delete(&format!("/gone-{n}"), None).await.unwrap();
    }
    let before = register(&on_a, "").await;
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_in_sync(options("counters", endpoint(&a), endpoint(&b), dir.path())).await;
    assert_eq!(diff(&engine).await.differences, []);
    let next = register(&on_b, "").await;
    assert!(next > before, "A has given out {before}, B gives {next}");
}
