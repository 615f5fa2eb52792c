//! One port for everything: the first byte of a connection tells TLS from plain HTTP.
//!
//! TLS connections come from agents, which must show a node certificate; plain ones come from Mesos' clients. Without
//! certificates agents use plain connections too.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use mesolith_pki::ServerTls;
use mesolith_telemetry::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::session::RemoteAddress;

/// First byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// A connection that sends nothing for this long is closed.
const FIRST_BYTE: Duration = Duration::from_secs(30);
/// HTTP/2 gives up on a connection whose reader lags by half of this in small messages, so it is large.
const CONNECTION_WINDOW: u32 = 64 << 20;
const STREAM_WINDOW: u32 = 1 << 20;
/// Pause after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served where.
#[derive(Clone)]
pub(crate) struct Services {
    /// Mesos' HTTP APIs.
    pub(crate) public: Router,
    /// Agent sessions.
    pub(crate) sessions: Router,
    /// Certificates, if there are any.
    pub(crate) tls: Option<ServerTls>,
}

/// Serves until shutdown.
pub(crate) async fn serve(listener: TcpListener, services: Services, shutdown: Shutdown) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.wait() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (services, shutdown) = (services.clone(), shutdown.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = connection(stream, peer, services) => {}
                        () = shutdown.wait() => {}
                    }
                });
            }
            Err(problem) => {
                tracing::warn!("cannot accept connections: {problem}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, services: Services) {
    // Small messages both ways; waiting to fill packets would only delay them.
    if let Err(problem) = stream.set_nodelay(true) {
        tracing::debug!(%peer, "no TCP_NODELAY: {problem}");
    }
    let mut first = [0];
    match tokio::time::timeout(FIRST_BYTE, stream.peek(&mut first)).await {
        Ok(Ok(1)) => {}
        Ok(Ok(_) | Err(_)) | Err(_) => return,
    }
    match (first[0] == TLS_HANDSHAKE, services.tls) {
        (true, Some(tls)) => match tls.accept(stream).await {
            Ok(stream) => {
                tracing::debug!(%peer, identity = ?stream.peer(), "agent connection");
                http(stream, peer, services.sessions).await;
            }
            Err(problem) => tracing::warn!(%peer, reason = problem.reason(), "agent refused: {problem}"),
        },
        (true, None) => {
            tracing::warn!(%peer, "TLS refused: this master has no certificates; start it with --pki_dir")
        }
        (false, Some(_)) => http(stream, peer, services.public).await,
        (false, None) => http(stream, peer, services.public.merge(services.sessions)).await,
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    // Mesos writes its header names this way, and some clients look for exactly that.
    server.http1().title_case_headers(true).timer(TokioTimer::new());
    server
        .http2()
        .timer(TokioTimer::new())
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW);
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(RemoteAddress(peer));
        request
    });
    if let Err(problem) = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await
    {
        tracing::debug!(%peer, "connection ended: {problem}");
    }
}
