//! What every process shows: logs, metrics, traces and health; and its orderly end.
//!
//! A role's `main` does three things: [`init`] once, serve [`router`] (or merge it into its own), and hand the
//! [`Shutdown`] to everything that loops. Traces cross processes with [`propagate`] on the calling side and
//! [`ServerSpans`] on the called one; what has no headers carries [`trace_context`] in a map.

mod health;
mod http;
mod init;
mod options;
mod propagation;
mod routing;
mod server_spans;
mod shutdown;

pub use health::Health;
pub use http::{ServeError, listen, router, serve, serve_on};
pub use init::{InitError, Telemetry, init, subscriber};
pub use options::{Format, Options};
pub use propagation::{continue_from_headers, continue_from_map, inject_metadata, propagate, trace_context};
pub use routing::route_by;
pub use server_spans::{ServerSpans, TracedService};
pub use shutdown::Shutdown;

/// Prometheus metrics of this process; register families at start, share freely.
pub type Registry = std::sync::Arc<std::sync::Mutex<prometheus_client::registry::Registry>>;

/// An empty registry; every family gets the given prefix, e.g. `mesolith_operator`.
pub fn registry(prefix: &str) -> Registry {
    std::sync::Arc::new(std::sync::Mutex::new(
        prometheus_client::registry::Registry::with_prefix(prefix),
    ))
}
