//! Derives readiness from the status.

use std::sync::Arc;

use mesolith_telemetry::Health;
use tokio::sync::watch;

use crate::settings::Side;
use crate::status::{State, Status};

/// Keeps the health check up to date; returns when the engine has ended.
pub(super) async fn follow(mut status: watch::Receiver<Arc<Status>>, health: Health) {
    loop {
        health.set("engine", ready(&status.borrow_and_update()));
        if status.changed().await.is_err() {
            health.set("engine", Err("the engine has ended".to_owned()));
            return;
        }
    }
}

/// Ready means that both sides are connected and the engine has not failed. A standby is ready, since it could take
/// over.
fn ready(status: &Status) -> Result<(), String> {
    let waiting = status.waiting_for.as_ref();
    let why = |otherwise: String| waiting.map_or(otherwise, |w| format!("{}: {}", w.reason, w.message));
    if matches!(status.state, State::Failed | State::Stopped) {
        return Err(why(format!("the engine is {}", status.state.as_str())));
    }
    for side in [Side::A, Side::B] {
        if !status.sides.get(&side).is_some_and(|seen| seen.connected) {
            return Err(why(format!("not connected to {side}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn ready_is_connected_and_not_failed() {
        assert_eq!(ready(&fixtures::status()), Ok(()));
        let mut status = Status {
            waiting_for: None,
            ..fixtures::status()
        };
        status.sides.remove(&Side::B);
        assert_eq!(ready(&status), Err("not connected to B".to_owned()));
        let failed = Status {
            state: State::Failed,
            ..fixtures::status()
        };
        assert!(
            ready(&failed)
                .unwrap_err()
                .starts_with("WaitingForDecision: /jobs/7 is frozen")
        );
    }
}
