//! `/metrics`, `/healthz` and `/readyz`, beside Mesos' own endpoints.

use std::sync::PoisonError;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use mesolith_telemetry::{Health, Registry};

use crate::http::{App, Exported};
use crate::leadership::Leadership;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The endpoints; readiness follows the election.
pub(crate) fn router(app: &App) -> Router {
    let health = Health::default();
    let registry = mesolith_telemetry::registry("mesos");
    let exported = Exported {
        handle: app.handle.clone(),
        leadership: app.leadership.clone(),
    };
    registry
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .register_collector(Box::new(exported));
    let (mut leadership, checked) = (app.leadership.clone(), health.clone());
    tokio::spawn(async move {
        loop {
            let state = readiness(&leadership.borrow_and_update());
            checked.set("election", state);
            if leadership.changed().await.is_err() {
                return;
            }
        }
    });
    endpoints(registry, health)
}

/// A standby that knows the leader is ready: it redirects.
fn readiness(leadership: &Leadership) -> Result<(), String> {
    match leadership {
        Leadership::Ours | Leadership::Other(_) => Ok(()),
        Leadership::Unknown(why) | Leadership::Suspended(why) | Leadership::Lost(why) => {
            Err(format!("no leading master: {why}"))
        }
    }
}

fn endpoints(registry: Registry, health: Health) -> Router {
    let metrics = move || {
        let mut text = String::new();
        let registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
            Err(problem) => (StatusCode::INTERNAL_SERVER_ERROR, problem.to_string()).into_response(),
        }
    };
    let ready = move || {
        let problems: Vec<_> = health
            .problems()
            .into_iter()
            .map(|(check, why)| format!("{check}: {why}"))
            .collect();
        let status = if problems.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, problems.join("\n"))
    };
    Router::new()
        .route("/metrics", get(|| async move { metrics() }))
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(|| async move { ready() }))
}
