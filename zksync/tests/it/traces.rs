//! What a collector gets of an engine's life: its phases, what it was asked, and its batches where that is wanted.

use std::time::Duration;

use mesolith_telemetry::{Shutdown, subscriber};
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zksync::control::Endpoint;
use mesolith_zksync::options::{EndpointOptions, parse_servers};
use mesolith_zksync::run::{Real, Serving, run};
use mesolith_zksync::status::State;
use opentelemetry_proto::tonic::trace::v1::Span;
use zookeeper_client::{Acls, Client, CreateMode};

use crate::collector::Collector;
use crate::options::options;
use crate::verbs::{until, verb};

fn is(span: &Span, key: &str, value: &str) -> bool {
    let mut attributes = span.attributes.iter();
    attributes.any(|found| found.key == key && format!("{:?}", found.value).contains(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_sees_the_phases_and_what_was_asked() {
    let collector = Collector::default();
    let traced = mesolith_telemetry::Options {
        log: "info,mesolith_zksync::pipeline=debug".into(),
        otlp_endpoint: Some(collector.start().await),
        ..mesolith_telemetry::Options::default()
    };
    let (subscriber, telemetry) = subscriber("zksync-test", &traced, true, std::io::sink).unwrap();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let (a, b) = tokio::join!(Ensemble::start(1), Ensemble::start(1));
    let client = Client::connect(&a.connect_string()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for n in 0..50 {
        client.create(&format!("/n{n}"), b"12345", &open).await.unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let endpoint = |ensemble: &Ensemble| EndpointOptions {
        servers: parse_servers("--source", &ensemble.connect_string()).unwrap(),
        security: Default::default(),
    };
    let options = options("default", endpoint(&a), endpoint(&b), dir.path());
    let ended = tokio::spawn(run(options, Serving::default(), Shutdown::default(), Real));
    until(dir.path(), State::InSync).await;
    assert_eq!(verb(dir.path(), &["barrier"]).await.code, 0);
    assert_eq!(verb(dir.path(), &["switch", "/", "--to=both"]).await.code, 0);
    assert_eq!(verb(dir.path(), &["resolve", "/n1", "--keep=a"]).await.code, 1);
    let endpoint = Endpoint::Unix(dir.path().join("default.sock"));
    let client = mesolith_zksync::control::Client::connect(&endpoint, None)
        .await
        .unwrap();
    client.stop().await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    telemetry.shutdown().await;

    // Other tests of this process are traced too; ours is the engine of this name that filled its target.
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let below = |parent: &Span, name: &str| {
        let found = named(name)
            .into_iter()
            .find(|span| span.parent_span_id == parent.span_id);
        found.cloned().ok_or(format!("no {name} in {names:?}")).unwrap()
    };
    let fillings = named("bootstrap");
    let start = named("start").into_iter().find(|start| {
        let ours = is(start, "name", "\"default\"");
        let fills = |filling: &&Span| filling.parent_span_id == start.span_id;
        ours && fillings.iter().any(fills)
    });
    let start = start.expect("the start is the parent of its phases");
    let bootstrap = below(start, "bootstrap");
    let phases = ["open", "connect", "claim", "bootstrap"].map(|name| below(start, name));
    assert!(
        phases
            .windows(2)
            .all(|two| two[0].end_time_unix_nano <= two[1].end_time_unix_nano)
    );
    assert!(is(&bootstrap, "znodes", "IntValue"), "{bootstrap:?}");
    below(&phases[1], "join");
    let repair = below(&bootstrap, "repair");
    assert!(is(&repair, "found", "IntValue(50)"), "{repair:?}");

    // A request, and the command below it that the engine was given.
    let asked = |call: &str, command: &str, is_it: &dyn Fn(&Span, &Span) -> bool| {
        let calls = named(&format!("/mesolith.zksync.v1.Sync/{call}"));
        let commands = named(command);
        let mut pairs = calls
            .iter()
            .flat_map(|call| commands.iter().map(move |command| (call, command)));
        assert!(
            pairs.any(|(call, command)| command.parent_span_id == call.span_id && is_it(call, command)),
            "no {command} below {call} in {names:?}"
        );
    };
    asked("Barrier", "barrier", &|_, _| true);
    asked("Apply", "switch", &|_, _| true);
    asked("Resolve", "resolve", &|call, command| {
        is(call, "rpc.grpc.status_code", "IntValue(9)") && is(command, "reason", "NotFrozen")
    });

    let batches = named("batch");
    assert!(
        batches.iter().any(|batch| is(batch, "writes", "IntValue(51)")),
        "50 nodes and the checkpoint: {batches:?}"
    );
}
