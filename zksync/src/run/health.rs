//! Keeps the health check equal to the status.

use std::sync::Arc;

use mesolith_telemetry::Health;
use tokio::sync::watch;

use crate::status::Status;

/// Keeps the health check up to date; returns when the engine has ended.
pub(super) async fn follow(mut status: watch::Receiver<Arc<Status>>, health: Health) {
    loop {
        let waits = status.borrow_and_update().not_ready();
        health.set(
            "engine",
            waits.map_or(Ok(()), |w| Err(format!("{}: {}", w.reason, w.message))),
        );
        if status.changed().await.is_err() {
            health.set("engine", Err("the engine has ended".to_owned()));
            return;
        }
    }
}
