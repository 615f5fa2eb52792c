//! `/metrics`, `/healthz`, `/readyz`, and a port that is taken.

use std::net::SocketAddr;

use mesolith_telemetry::{Health, ServeError, Shutdown, listen, registry, router, serve, serve_on};
use prometheus_client::metrics::counter::Counter;

#[tokio::test]
async fn metrics_and_readiness_are_served_until_shutdown() {
    let (registry, health, shutdown) = (registry("mesolith_test"), Health::default(), Shutdown::default());
    let tasks: Counter = Counter::default();
    tasks.inc_by(3);
    registry.lock().unwrap().register("tasks", "Tasks started", tasks);
    health.set("zookeeper", Err("no quorum yet".into()));
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_on(
        listener,
        router(registry, health.clone()),
        shutdown.clone(),
    ));

    let get = |path: &'static str| reqwest::get(format!("{base}{path}"));
    assert_eq!(get("/healthz").await.unwrap().status(), 200);
    let metrics = get("/metrics").await.unwrap();
    assert!(
        metrics.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = metrics.text().await.unwrap();
    assert!(
        text.contains("mesolith_test_tasks_total 3") && text.ends_with("# EOF\n"),
        "{text}"
    );
    let ready = get("/readyz").await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.text().await.unwrap(), "zookeeper: no quorum yet\n");
    health.set("zookeeper", Ok(()));
    assert_eq!(get("/readyz").await.unwrap().status(), 200);

    shutdown.trigger();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(address, axum::Router::new(), Shutdown::default())
        .await
        .unwrap_err();
    assert!(matches!(error, ServeError::PortInUse { .. }));
    let text = format!(
        "port {} on 127.0.0.1 is in use by another program; stop it or choose another port",
        address.port()
    );
    assert_eq!(error.to_string(), text);
    assert_eq!(error.reason(), "PortInUse");
}
