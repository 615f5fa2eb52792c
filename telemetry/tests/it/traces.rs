//! Spans reach a collector, with the right parents across a hop.

use std::convert::Infallible;

use mesolith_telemetry::{
    Options, ServerSpans, continue_from_map, inject_metadata, subscriber, trace_context,
};
use tower::{Layer, ServiceExt, service_fn};
use tracing::Instrument;

use crate::collector::Collector;

/// The far side of a gRPC call: a span of its own for the call, and work inside it.
async fn answer(request: http::Request<()>) {
    let service = service_fn(|_: http::Request<()>| async {
        tracing::info_span!(target: "mesolith_test", "apply").in_scope(|| ());
        let refused = http::Response::builder().header("grpc-status", "9").body(());
        Ok::<_, Infallible>(refused.unwrap())
    });
    ServerSpans.layer(service).oneshot(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_goes_from_the_reconcile_through_the_call_to_the_task() {
    let collector = Collector::default();
    let options = Options {
        otlp_endpoint: Some(collector.start().await),
        ..Options::default()
    };
    let (subscriber, telemetry) = subscriber("mesolith-test", &options, true, std::io::sink).unwrap();
    let guard = tracing::subscriber::set_default(subscriber);

    let context = async {
        let mut call = tonic::Request::new(());
        inject_metadata(call.metadata_mut());
        let mut request = http::Request::post("/mesolith.node.v1.Node/Apply")
            .body(())
            .unwrap();
        *request.headers_mut() = call.metadata().clone().into_headers();
        // Nothing of the caller's span is here but the headers.
        answer(request).instrument(tracing::Span::none()).await;
        trace_context()
    }
    .instrument(tracing::info_span!(target: "mesolith_test", "reconcile"))
    .await;
    let task = tracing::info_span!(target: "mesolith_test", "task");
    continue_from_map(&task, &context);
    drop(task.entered());
    drop(tracing::info_span!(target: "h2", "not ours").entered());

    drop(guard);
    telemetry.shutdown().await;
    let (reconcile, call) = (
        collector.span("reconcile"),
        collector.span("/mesolith.node.v1.Node/Apply"),
    );
    let (apply, task) = (collector.span("apply"), collector.span("task"));
    assert!(reconcile.parent_span_id.is_empty());
    let code = call.attributes.iter().find(|a| a.key == "rpc.grpc.status_code");
    assert!(
        code.is_some_and(|code| format!("{code:?}").contains("IntValue(9)")),
        "{call:?}"
    );
    assert_eq!(
        call.status.as_ref().map(|status| status.code),
        Some(2),
        "an error"
    );
    assert_eq!(call.parent_span_id, reconcile.span_id);
    assert_eq!(apply.parent_span_id, call.span_id);
    assert_eq!(task.parent_span_id, reconcile.span_id);
    assert!(
        [&call, &apply, &task]
            .iter()
            .all(|s| s.trace_id == reconcile.trace_id)
    );
    assert_eq!(collector.spans().len(), 4, "spans of libraries are not sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_up_nothing() {
    let options = Options {
        otlp_endpoint: Some("http://127.0.0.1:1".into()),
        ..Options::default()
    };
    let (subscriber, telemetry) = subscriber("mesolith-test", &options, true, std::io::sink).unwrap();
    let guard = tracing::subscriber::set_default(subscriber);
    drop(tracing::info_span!(target: "mesolith_test", "lost").entered());
    drop(guard);
    telemetry.shutdown().await;
}

#[test]
fn without_a_collector_there_is_no_context() {
    let options = Options {
        otlp_endpoint: Some(String::new()),
        ..Options::default()
    };
    let (subscriber, _telemetry) = subscriber("test", &options, true, std::io::sink).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!(target: "mesolith_test", "alone").entered();
        assert!(trace_context().is_empty());
    });
}
