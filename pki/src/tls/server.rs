//! The side that is dialled.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use super::config;
use super::error::TlsError;
use super::source::Reloading;
use super::verify::{Required, identity};
use crate::dir::PkiDir;
use crate::identity::{Identity, Role};
use crate::material::Material;

/// A peer that is silent for so long is disconnected.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Most handshakes at a time. Further connections wait in the kernel's queue.
const CONCURRENT_HANDSHAKES: usize = 128;

/// Accepts peers of one role.
#[derive(Clone)]
pub struct ServerTls {
    source: Arc<Reloading<ServerConfig>>,
}

/// The party at the other end. It is in the extensions of every tonic request on such a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its verified identity.
    pub identity: Identity,
    /// The address that it has dialled from.
    pub address: Option<SocketAddr>,
}

impl ServerTls {
    /// Uses the files of a directory and follows their changes.
    ///
    /// # Errors
    /// When the files are missing or make no sense.
    pub fn from_dir(dir: impl Into<std::path::PathBuf>, require: Role) -> Result<Self, TlsError> {
        let required = Required {
            role: require,
            name: None,
        };
        let source = Reloading::from_dir(PkiDir::new(dir), required, config::server)?;
        Ok(Self {
            source: Arc::new(source),
        })
    }

    /// Uses what is in memory.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn from_material(material: &Material, require: Role) -> Result<Self, TlsError> {
        let required = Required {
            role: require,
            name: None,
        };
        Ok(Self {
            source: Arc::new(Reloading::fixed(material, required, config::server)?),
        })
    }

    /// Makes a TCP connection a TLS one. The first byte may have been peeked at, not read.
    ///
    /// # Errors
    /// When the peer is not of the required role, not of this cluster, or does not speak TLS.
    pub async fn accept(&self, tcp: TcpStream) -> Result<ServerStream, TlsError> {
        let address = tcp.peer_addr().ok();
        let peer = address.map_or_else(|| "peer".to_owned(), |a| a.to_string());
        // Requests are small and answers are waited for.
        let _ = tcp.set_nodelay(true);
        let handshake = TlsAcceptor::from(self.source.get()).accept(tcp);
        let inner = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(done) => done.map_err(|e| TlsError::from_io(&peer, e))?,
            Err(_) => {
                return Err(TlsError::Timeout {
                    peer,
                    seconds: HANDSHAKE_TIMEOUT.as_secs(),
                });
            }
        };
        let certificate = inner.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let identity = certificate
            .and_then(identity)
            .ok_or(TlsError::NoCertificate { peer })?;
        Ok(ServerStream {
            inner,
            peer: Peer { identity, address },
        })
    }

    /// Accepts from a listener for ever: what tonic's `serve_with_incoming` wants. Peers that are refused are
    /// logged and do not end it; a slow handshake does not hold up others.
    #[must_use]
    pub fn incoming(&self, listener: TcpListener) -> Incoming {
        let (ready, connections) = mpsc::channel(CONCURRENT_HANDSHAKES);
        tokio::spawn(accept_all(self.clone(), listener, ready));
        Incoming { connections }
    }
}

async fn accept_all(tls: ServerTls, listener: TcpListener, ready: mpsc::Sender<ServerStream>) {
    let handshakes = Arc::new(Semaphore::new(CONCURRENT_HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let tcp = match accepted {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                // Out of file descriptors, most likely: trying at once would spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = handshakes.clone().acquire_owned().await else {
            return;
        };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let accepted = tls.accept(tcp).await;
            drop(permit);
            match accepted {
                // The receiver is gone only when the server is ending.
                Ok(stream) => drop(ready.send(stream).await),
                Err(error) => tracing::warn!(%error, reason = error.reason(), "connection refused"),
            }
        });
    }
}

/// Verified connections, as they come; see [`ServerTls::incoming`].
pub struct Incoming {
    connections: mpsc::Receiver<ServerStream>,
}

impl Stream for Incoming {
    type Item = io::Result<ServerStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connections.poll_recv(cx).map(|stream| stream.map(Ok))
    }
}

/// A verified connection.
pub struct ServerStream {
    inner: TlsStream<TcpStream>,
    peer: Peer,
}

impl ServerStream {
    /// Who is at the other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Connected for ServerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
