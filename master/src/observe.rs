//! `/metrics`, `/healthz` and `/readyz`, beside Mesos' own endpoints.

use std::sync::PoisonError;

use axum::Router;
use mesolith_telemetry::Health;

use crate::http::{App, Exported};
use crate::leadership::Leadership;

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
    mesolith_telemetry::router(registry, health)
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
