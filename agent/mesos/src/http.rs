//! What the agent shows on its port: Mesos' read endpoints, sandboxes, the executor API, health and metrics.

mod codec;
mod executor;
mod files;
mod metrics;
mod monitor;
mod sandbox_path;
mod state_json;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use mesolith_mesos::HttpPaths;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::agent::{ExecutorStreams, Shared};
use crate::containers::Engine;
use crate::paths::Paths;
use crate::state::Input;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App(pub(crate) Arc<AppState>);

pub(crate) struct AppState {
    pub(crate) agent: Shared,
    pub(crate) paths: Paths,
    pub(crate) streams: ExecutorStreams,
    pub(crate) inputs: mpsc::UnboundedSender<Input>,
    pub(crate) engine: Option<Engine>,
    pub(crate) started: SystemTime,
    pub(crate) endpoint: String,
    pub(crate) flags: Value,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) health: mesolith_telemetry::Health,
}

pub(crate) use metrics::Metrics;

/// An agent's endpoints, by the libprocess process that serves them in Mesos.
const PATHS: HttpPaths = HttpPaths::new(
    "slave(1)",
    &[
        "slave(1)/health",
        "slave(1)/state",
        "slave(1)/flags",
        "slave(1)/containers",
        "slave(1)/monitor/statistics",
        "slave(1)/api/v1/executor",
        "version",
        "metrics/snapshot",
        "files/browse",
        "files/read",
        "files/download",
        "files/debug",
    ],
);

/// All endpoints, under all paths that Mesos takes for them.
pub(crate) fn router(app: App) -> Router {
    let own = Router::new()
        .route("/health", any(|| async { StatusCode::OK }))
        .route("/state", any(state))
        .route("/flags", any(flags))
        .route("/containers", any(monitor::containers))
        .route("/monitor/statistics", any(monitor::statistics))
        .route("/api/v1/executor", any(executor::call));
    let telemetry = mesolith_telemetry::router(app.0.metrics.registry(), app.0.health.clone());
    let telemetry = telemetry.layer(middleware::from_fn_with_state(app.clone(), metrics::refresh));
    let all = Router::new()
        .nest("/slave(1)", own)
        .route("/version", any(version))
        .route("/metrics/snapshot", any(metrics::snapshot))
        .route("/files/browse", any(files::browse))
        .route("/files/read", any(files::read))
        .route("/files/download", any(files::download))
        .route("/files/debug", any(files::debug))
        .fallback(|| async { text(StatusCode::NOT_FOUND, "404 Not Found.") })
        .with_state(app)
        .merge(telemetry);
    mesolith_telemetry::route_by(all, |path| PATHS.endpoint(path))
}

async fn state(State(app): State<App>) -> Response {
    let agent = app.0.agent.read();
    answer(&state_json::state(&app.0, &agent))
}

async fn flags(State(app): State<App>) -> Response {
    answer(&json!({ "flags": app.0.flags }))
}

async fn version() -> Response {
    answer(&state_json::version())
}

/// A plain text answer, as Mesos gives errors.
fn text(status: StatusCode, body: impl Into<String>) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        body.into(),
    )
        .into_response()
}

fn answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
