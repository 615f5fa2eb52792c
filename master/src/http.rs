//! HTTP: translation only. Reads come from snapshots, calls go to the event loop.
// A refusal is a whole response; it is made once in a request.
#![allow(clippy::result_large_err)]

mod answers;
mod maintenance;
mod media;
mod metrics;
mod operator;
mod reads;
mod scheduler;
mod state_json;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::uri::PathAndQuery;
use axum::http::{Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use mesolith_mesos::HttpPaths;
use mesolith_telemetry::route_by;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use crate::event_loop::Handle;
use crate::gate::Gate;
use crate::leadership::Leadership;

pub(crate) use metrics::Exported;
pub(crate) use reads::MESOS_VERSION;

/// Length in bytes from which bodies are compressed for clients that ask for it.
const COMPRESS_FROM: u64 = 1024;
/// Endpoints that every master answers itself, leading or not.
const LOCAL: [&str; 7] = [
    "/health",
    "/version",
    "/redirect",
    "/flags",
    "/metrics/snapshot",
    "/system/stats.json",
    "/help",
];
/// Every endpoint, for paths that mean one without being it: `/tasks/`, `//state`, `/slaves/<id>`, `/m%61ster/state`.
const PATHS: HttpPaths = HttpPaths::new(
    "master",
    &[
        "master/health",
        "master/version",
        "master/redirect",
        "master/flags",
        "master/state",
        "master/state-summary",
        "master/slaves",
        "master/frameworks",
        "master/roles",
        "master/tasks",
        "master/metrics/snapshot",
        "master/system/stats.json",
        "master/teardown",
        "master/maintenance/schedule",
        "master/maintenance/status",
        "master/machine/down",
        "master/machine/up",
        "master/mesolith/agents",
        "master/api/v1",
        "master/api/v1/scheduler",
        "version",
        "metrics/snapshot",
        "system/stats.json",
    ],
);

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) handle: Handle,
    pub(crate) gate: Gate,
    /// `host:port` of this master.
    pub(crate) own: Arc<str>,
}

/// The endpoints, each also under `/master`.
pub(crate) fn router(app: App) -> Router {
    let reads = reads::router().layer(
        CompressionLayer::new()
            .gzip(true)
            .compress_when(SizeAbove::new(COMPRESS_FROM)),
    );
    let endpoints = reads
        .route("/teardown", any(operator::teardown))
        .route("/maintenance/schedule", any(maintenance::schedule))
        .route("/maintenance/status", any(maintenance::status))
        .route("/machine/down", any(maintenance::down))
        .route("/machine/up", any(maintenance::up))
        .route("/api/v1", any(operator::call))
        .route("/api/v1/scheduler", any(scheduler::call));
    let router = Router::new()
        .merge(endpoints.clone())
        .nest("/master", endpoints)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(app.clone(), only_leading))
        .with_state(app);
    route_by(router, |path| PATHS.endpoint(path))
}

async fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 Not Found.")
}

/// Redirects clients to the leader with the path that they asked for; answers 503 while no master leads.
async fn only_leading(
    State(app): State<App>,
    OriginalUri(asked): OriginalUri,
    request: Request<Body>,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let bare = path.strip_prefix("/master").unwrap_or(path);
    if LOCAL.contains(&bare) {
        return next.run(request).await;
    }
    match app.gate.leadership() {
        Leadership::Ours => next.run(request).await,
        Leadership::Other(leader) => {
            let asked = asked.path_and_query().map_or("/", PathAndQuery::as_str);
            let location = format!("//{}{asked}", leader.host_port());
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        Leadership::Unknown(why)
        | Leadership::Pinned(why)
        | Leadership::Suspended(why)
        | Leadership::Lost(why) => text(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("No leader elected: {why}"),
        ),
    }
}

/// Plain text, as all of Mesos' errors are.
fn text(status: StatusCode, body: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        body.to_owned(),
    )
        .into_response()
}

/// The answer to a wrong method.
fn only_post(method: &axum::http::Method) -> Response {
    only(&["POST"], method)
}

/// The answer to a method that is none of these.
fn only(methods: &[&str], method: &axum::http::Method) -> Response {
    let quoted: Vec<_> = methods.iter().map(|m| format!("'{m}'")).collect();
    let body = format!(
        "405 Method Not Allowed. Expecting one of {{ {} }}, but received '{method}'.",
        quoted.join(", ")
    );
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, &body);
    if let Ok(allow) = header::HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
