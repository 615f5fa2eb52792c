//! /metrics, /healthz and /readyz. A standby is ready as well: it is ready to take over.

use anyhow::Context;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use mesolith_telemetry::{Health, Registry, Shutdown};
use std::net::SocketAddr;

/// Listens, and serves until shutdown in a task of its own.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn serve(
    address: SocketAddr,
    registry: Registry,
    health: Health,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another address with --http"))?;
    tokio::spawn(async move {
        let stop = async move { shutdown.wait().await };
        if let Err(error) = axum::serve(listener, router(registry, health))
            .with_graceful_shutdown(stop)
            .await
        {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok(())
}

fn router(registry: Registry, health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || ready(health.clone())))
        .route("/metrics", get(move || metrics(registry.clone())))
}

async fn ready(health: Health) -> (StatusCode, String) {
    let problems = health.problems();
    if problems.is_empty() {
        return (StatusCode::OK, "ok\n".into());
    }
    let lines: Vec<String> = problems
        .iter()
        .map(|(check, problem)| format!("{check}: {problem}\n"))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines.concat())
}

async fn metrics(registry: Registry) -> impl axum::response::IntoResponse {
    let mut text = String::new();
    let registry = registry.lock().unwrap_or_else(|e| e.into_inner());
    // Writing to a String cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
}
