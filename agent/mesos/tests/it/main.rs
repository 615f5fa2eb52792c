//! Real agent processes, real processes and containers, against a scripted master, or the real one (run as root).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod commands;
mod docker;
mod draining;
mod executor;
mod fetch;
mod kill;
mod leaving;
mod master;
mod recovery;
mod startup;
mod tasks;

use std::time::{Duration, Instant};

/// Waits for a condition of the outside world; fails after a minute.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A port nobody uses now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
