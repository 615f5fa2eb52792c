//! Mesos' older endpoints that only read: JSON by GET.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use mesolith_mesos::{parse_duration, parse_whole};
use mesolith_proto::mesos::v1;
use serde_json::{Value, json};

use super::App;
use super::{metrics, state_json, text};
use crate::leadership::Leadership;

/// The version of Mesos whose interfaces these are; clients compare it.
pub(crate) const MESOS_VERSION: &str = "1.11.0";
const BUILD_DATE: &str = "1970-01-01 00:00:00";
const DEFAULT_TASKS: usize = 100;

pub(super) type Params = Query<HashMap<String, String>>;

/// The endpoints. Any method is answered, as with Mesos.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/health", any(|| async { StatusCode::OK }))
        .route(
            "/version",
            any(|query: Params| async move { answer(&query, &version_json()) }),
        )
        .route("/redirect", any(redirect))
        .route(
            "/flags",
            any(|State(app): State<App>, query: Params| async move { answer(&query, &flags(&app)) }),
        )
        .route("/state", any(state))
        .route("/state-summary", any(summary))
        .route("/slaves", any(slaves))
        .route("/frameworks", any(frameworks))
        .route("/roles", any(roles))
        .route("/tasks", any(tasks))
        .route("/mesolith/agents", any(agents))
        .route("/metrics/snapshot", any(snapshot))
        .route(
            "/system/stats.json",
            any(|query: Params| async move { answer(&query, &metrics::system_json()) }),
        )
}

/// JSON, or a script that calls the function named by `?jsonp=` with it.
pub(super) fn answer(Query(params): &Params, value: &Value) -> Response {
    match params.get("jsonp") {
        Some(callback) => {
            let body = format!("{callback}({value})");
            ([(header::CONTENT_TYPE, "text/javascript")], body).into_response()
        }
        None => ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
    }
}

/// This build in Mesos' terms.
pub(super) fn version_info() -> v1::VersionInfo {
    v1::VersionInfo {
        version: MESOS_VERSION.into(),
        build_date: Some(BUILD_DATE.into()),
        build_time: Some(0.0),
        build_user: Some("mesolith".into()),
        git_sha: Some(format!("mesolith-{}", env!("CARGO_PKG_VERSION"))),
        git_tag: Some(MESOS_VERSION.into()),
        ..Default::default()
    }
}

fn version_json() -> Value {
    json!({
        "build_date": BUILD_DATE,
        "build_time": 0.0,
        "build_user": "mesolith",
        "git_sha": format!("mesolith-{}", env!("CARGO_PKG_VERSION")),
        "git_tag": MESOS_VERSION,
        "version": MESOS_VERSION,
    })
}

async fn redirect(State(app): State<App>) -> Response {
    let leadership = app.gate.leadership();
    // Without a leader a Mesos master redirects to itself: a client that asks again later is redirected further.
    let leader = match &leadership {
        Leadership::Other(leader) => leader.host_port(),
        Leadership::Ours
        | Leadership::Unknown(_)
        | Leadership::Pinned(_)
        | Leadership::Suspended(_)
        | Leadership::Lost(_) => app.own.to_string(),
    };
    let why = leadership.nobody().map(|why| format!("No leader elected: {why}"));
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, format!("//{leader}"))],
        why.unwrap_or_default(),
    )
        .into_response()
}

fn flags(app: &App) -> Value {
    json!({ "flags": app.handle.snapshot().config.flags })
}

async fn state(State(app): State<App>, query: Params) -> Response {
    answer(
        &query,
        &state_json::state(&app.handle.snapshot(), &version_json()),
    )
}

async fn summary(State(app): State<App>, query: Params) -> Response {
    answer(&query, &state_json::summary(&app.handle.snapshot()))
}

async fn slaves(State(app): State<App>, query: Params) -> Response {
    let wanted = query.0.get("slave_id").map(String::as_str);
    answer(&query, &state_json::slaves(&app.handle.snapshot(), wanted))
}

/// What runs on each agent, in numbers that the master keeps. Ours: Mesos has only lists of all tasks.
async fn agents(State(app): State<App>, query: Params) -> Response {
    answer(&query, &state_json::agents(&app.handle.snapshot()))
}

async fn frameworks(State(app): State<App>, query: Params) -> Response {
    let wanted = query.0.get("framework_id").map(String::as_str);
    answer(&query, &state_json::frameworks(&app.handle.snapshot(), wanted))
}

async fn roles(State(app): State<App>, query: Params) -> Response {
    answer(&query, &state_json::roles(&app.handle.snapshot()))
}

async fn tasks(State(app): State<App>, query: Params) -> Response {
    let page = state_json::Page {
        limit: count(query.0.get("limit")).unwrap_or(DEFAULT_TASKS),
        offset: count(query.0.get("offset")).unwrap_or_default(),
        ascending: query.0.get("order").is_some_and(|order| order == "asc"),
        framework: query.0.get("framework_id").cloned(),
        task: query.0.get("task_id").cloned(),
    };
    answer(&query, &state_json::tasks(&app.handle.snapshot(), &page))
}

/// As with Mesos, a negative count means all, and a text that is no `int` counts as not given.
fn count(given: Option<&String>) -> Option<usize> {
    let count = i32::try_from(parse_whole(given?)?).ok()?;
    Some(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The timeout is checked and has no effect: no metric here takes long to measure.
async fn snapshot(State(app): State<App>, query: Params) -> Response {
    if let Some(timeout) = query.0.get("timeout")
        && parse_duration(timeout).is_err()
    {
        let problem = format!("Invalid timeout '{timeout}': Invalid duration '{timeout}'.\n");
        return text(StatusCode::BAD_REQUEST, &problem);
    }
    let values = metrics::values(&app.handle.snapshot());
    let object: serde_json::Map<_, _> = values
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    answer(&query, &Value::Object(object))
}
