//! `/metrics`, `/healthz` and `/readyz`, the same for every process.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::{Health, Registry, Shutdown};

/// What Prometheus asks for.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The server could not be started, or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens on the port.
    #[error("port {} on {} is in use by another program; stop it or choose another port", address.port(), address.ip())]
    PortInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on: it is another machine's, or the port needs more rights.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The server failed while it ran.
    #[error("the HTTP server ended")]
    Serve(#[source] io::Error),
}

impl ServeError {
    /// The reason that conditions show.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PortInUse { .. } => "PortInUse",
            Self::Listen { .. } => "CannotListen",
            Self::Serve(_) => "ServerEnded",
        }
    }
}

/// `/metrics` in OpenMetrics text; `/healthz` is 200 while the process lives; `/readyz` is 200 when every check of
/// `health` is well, else 503 with one sentence a line.
pub fn router(registry: Registry, health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || std::future::ready(ready(&health))))
        .route("/metrics", get(move || std::future::ready(metrics(&registry))))
}

fn ready(health: &Health) -> (StatusCode, String) {
    let problems = health.problems();
    if problems.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines = problems
        .iter()
        .map(|(check, sentence)| format!("{check}: {sentence}\n"))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}

fn metrics(registry: &Registry) -> impl IntoResponse + use<> {
    let mut text = String::new();
    let registry = registry.lock().unwrap_or_else(|e| e.into_inner());
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, OPENMETRICS)], text),
        Err(_) => {
            let text = "the metrics cannot be written\n".to_owned();
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(header::CONTENT_TYPE, "text/plain")],
                text,
            )
        }
    }
}

/// Takes a port, so that a failure shows before anything else has started.
///
/// # Errors
/// When the port is taken or may not be used.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortInUse { address },
            _ => ServeError::Listen { address, source },
        })
}

/// Serves until shutdown; requests that run then are finished.
///
/// # Errors
/// When the server breaks.
pub async fn serve_on(listener: TcpListener, router: Router, shutdown: Shutdown) -> Result<(), ServeError> {
    let stop = async move { shutdown.wait().await };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
        .map_err(ServeError::Serve)
}

/// [`listen`] and [`serve_on`] in one.
///
/// # Errors
/// When the port cannot be had, or the server breaks.
pub async fn serve(address: SocketAddr, router: Router, shutdown: Shutdown) -> Result<(), ServeError> {
    serve_on(listen(address).await?, router, shutdown).await
}
