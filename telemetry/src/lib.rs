//! What every process shows to the outside: logs, metrics, traces, health, graceful shutdown.
//!
//! A role's `main` does three things: [`init`] once, serve [`router`] (or merge it into its own), and hand the
//! [`Shutdown`] to everything that loops.

mod health;
mod shutdown;

pub use health::Health;
pub use shutdown::Shutdown;

/// Prometheus metrics of this process; register families at start, share freely.
pub type Registry = std::sync::Arc<std::sync::Mutex<prometheus_client::registry::Registry>>;

/// An empty registry; every family gets the given prefix, e.g. `mesolith_operator`.
pub fn registry(prefix: &str) -> Registry {
    std::sync::Arc::new(std::sync::Mutex::new(
        prometheus_client::registry::Registry::with_prefix(prefix),
    ))
}
