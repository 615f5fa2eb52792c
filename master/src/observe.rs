//! `/metrics`, `/healthz`, `/readyz` and `/leadership`, beside Mesos' own endpoints.

use std::sync::PoisonError;

use axum::routing::get;
use axum::{Json, Router};
use mesolith_telemetry::Health;

use crate::http::{App, Exported};
use crate::leadership::Leadership;

/// The endpoints; readiness follows the election.
pub(crate) fn router(app: &App) -> Router {
    let health = Health::default();
    let registry = mesolith_telemetry::registry("mesos");
    let exported = Exported {
        handle: app.handle.clone(),
        gate: app.gate.clone(),
    };
    registry
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .register_collector(Box::new(exported));
    let (mut standing, checked) = (app.gate.watch(), health.clone());
    tokio::spawn(async move {
        loop {
            let state = readiness(&standing.borrow_and_update().leadership);
            checked.set("election", state);
            if standing.changed().await.is_err() {
                return;
            }
        }
    });
    let (gate, own) = (app.gate.clone(), app.own.clone());
    let report = move || async move { Json(gate.report(&own)) };
    mesolith_telemetry::router(registry, health).route("/leadership", get(report))
}

/// A standby that knows the leader is ready: it redirects.
fn readiness(leadership: &Leadership) -> Result<(), String> {
    match leadership.nobody() {
        None => Ok(()),
        Some(why) => Err(format!("no leading master: {why}")),
    }
}
