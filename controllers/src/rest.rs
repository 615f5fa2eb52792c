//! Migrations over HTTP (PRD 9.4): `/api/v1/migrations...`, off unless asked for, on a port of its own.
//!
//! ```text
//! caller (TokenReview, SubjectAccessReview) ─► read, start, act, stream ─► answer
//! ```
//!
//! Who calls is what the API server says of the bearer token, and every request is checked against the caller's rights on
//! `zkmigrations`. What is written is written with the caller's own token, so that admission policies, the approval's name
//! and the audit log see the person and not the operator (docs/adr/rest-writes-as-its-caller.md). What an action writes
//! and what is shown is decided in the crate `mesolith-migration`, as for the command line. Every replica serves.

mod act;
mod answer;
mod caller;
mod document;
mod feed;
mod kubernetes;
mod read;
mod start;
mod stream;
mod tls;

use crate::api_client;
use answer::Problem;
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use feed::Feed;
use kube::Client;
use kubernetes::Kubernetes;
use mesolith_telemetry::Shutdown;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Streams at a time; each holds a connection.
const MOST_STREAMS: usize = 256;

/// Where and how it is served.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The address.
    pub(crate) address: SocketAddr,
    /// Directory with tls.crt and tls.key.
    pub(crate) tls_dir: Option<PathBuf>,
    /// Where migrations are looked for that are named without a namespace.
    pub(crate) namespace: String,
}

/// It cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Tokens would be readable on the way.
    #[error(
        "--api={0} is reached from other machines, and bearer tokens would be readable on the way: give --api-tls-dir \
         with tls.crt and tls.key, or serve on a loopback address"
    )]
    TlsNeeded(SocketAddr),
    /// The port.
    #[error(transparent)]
    Serve(#[from] mesolith_telemetry::ServeError),
    /// The certificate.
    #[error("cannot use tls.crt and tls.key in {dir}: {problem}. Check --api-tls-dir")]
    Certificate {
        /// The directory.
        dir: String,
        /// What is wrong.
        problem: String,
    },
    /// The server broke.
    #[error("the migration API ended")]
    Ended(#[source] std::io::Error),
    /// The client.
    #[error(transparent)]
    Client(#[from] api_client::Error),
}

/// What handlers work with.
#[derive(Clone)]
struct Rest {
    kubernetes: Kubernetes,
    feed: Feed,
    namespace: String,
    streams: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// Takes the port, so that a failure shows before anything else has started.
pub(crate) async fn listen(options: &Options) -> Result<TcpListener, Error> {
    if options.tls_dir.is_none() && !options.address.ip().is_loopback() {
        return Err(Error::TlsNeeded(options.address));
    }
    Ok(mesolith_telemetry::listen(options.address).await?)
}

/// Serves until shutdown.
pub(crate) async fn serve(
    listener: TcpListener,
    options: Options,
    config: kube::Config,
    client: Client,
    shutdown: Shutdown,
) -> Result<(), Error> {
    let (feed, follow) = Feed::new(client.clone());
    let rest = Rest {
        kubernetes: Kubernetes::new(client, config),
        feed,
        namespace: options.namespace,
        streams: Arc::new(Semaphore::new(MOST_STREAMS)),
        shutdown: shutdown.clone(),
    };
    let router = router(rest);
    let served = async {
        match &options.tls_dir {
            Some(dir) => tls::serve(listener, router, dir, shutdown.clone()).await,
            None => Ok(mesolith_telemetry::serve_on(listener, router, shutdown.clone()).await?),
        }
    };
    tokio::select! {
        served = served => served,
        // It never ends by itself.
        () = follow => Ok(()),
    }
}

fn router(rest: Rest) -> Router {
    let (routes, description) = OpenApiRouter::with_openapi(document::description())
        .routes(routes!(read::list, start::start))
        .routes(routes!(read::one))
        .routes(routes!(act::advance))
        .routes(routes!(act::rollback))
        .routes(routes!(act::pause))
        .routes(routes!(act::resume))
        .routes(routes!(read::sync_status))
        .routes(routes!(stream::one))
        .routes(routes!(stream::all))
        .split_for_parts();
    let text = description.to_json().unwrap_or_default();
    let document = get(move || async move { ([("content-type", "application/json")], text) });
    routes
        .with_state(rest)
        .route("/api/v1/openapi.json", document)
        .fallback(nothing)
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "this address takes other methods: see /api/v1/openapi.json",
            )
        })
}

async fn nothing(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "NotFound",
        format!("there is nothing at {}: see /api/v1/openapi.json", uri.path()),
    )
}
