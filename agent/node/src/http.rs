//! Metrics, liveness, readiness.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use mesolith_telemetry::Registry;
use tokio::net::TcpListener;

use crate::node::Node;
use crate::precondition;

#[derive(Clone)]
struct Shown {
    node: Arc<Node>,
    registry: Registry,
}

/// Serves until shutdown.
pub(crate) async fn serve(listener: TcpListener, node: &Arc<Node>) -> anyhow::Result<()> {
    let registry = mesolith_telemetry::registry("mesolith_agent");
    node.metrics.register(&registry);
    let shown = Shown {
        node: node.clone(),
        registry,
    };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(shown);
    let shutdown = node.shutdown.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.wait().await });
    server.await.context("the metrics and health endpoint ended")
}

async fn metrics(State(shown): State<Shown>) -> Response {
    let mut text = String::new();
    let registry = shown.registry.lock().unwrap_or_else(|e| e.into_inner());
    let encoded = prometheus_client::encoding::text::encode(&mut text, &registry);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match encoded {
        Ok(()) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Ready when a desired set could be stored and acted upon.
async fn ready(State(shown): State<Shown>) -> Response {
    let root = shown.node.layout.root();
    match precondition::disk(root) {
        None if root.is_dir() => "ok\n".into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{} is gone\n", root.display()),
        )
            .into_response(),
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", problem.message)).into_response(),
    }
}
