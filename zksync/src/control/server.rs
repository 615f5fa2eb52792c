//! Binds the sockets of the control service and serves on them.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesolith_pki::{Role, ServerTls, TlsError};
use mesolith_proto::zksync::v1::sync_server::SyncServer;
use mesolith_telemetry::{ServeError, ServerSpans, Shutdown};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};

use super::service::Service;
use crate::handle::Handle;

/// Calls that are still open after this time are cut.
const DRAIN: Duration = Duration::from_secs(3);
/// Longest path of a socket that Linux takes, without the final zero byte.
const SOCKET_PATH_LIMIT: usize = 107;

/// The service cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path is longer than the kernel takes.
    #[error("{} is too long for a socket ({} bytes, at most {SOCKET_PATH_LIMIT}); choose a shorter --state-dir or --name", path.display(), path.as_os_str().len())]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot make the control socket {}: {source}; choose another --state-dir", path.display())]
    Socket {
        /// The path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The TCP port cannot be bound.
    #[error("--listen: {0}")]
    Listen(#[source] ServeError),
    /// The certificates cannot be used.
    #[error("--pki-dir: cannot use the certificates in {}: {source}", path.display())]
    Certificates {
        /// The directory of the certificates.
        path: PathBuf,
        /// The cause.
        source: TlsError,
    },
    /// A listener failed while it served.
    #[error("the control service ended: {0}")]
    Serve(#[source] tonic::transport::Error),
}

impl Error {
    /// The reason in CamelCase, as conditions show it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PathTooLong { .. } | Self::Socket { .. } => "CannotMakeSocket",
            Self::Listen(error) => error.reason(),
            Self::Certificates { .. } => "InvalidCertificates",
            Self::Serve(_) => "ServerEnded",
        }
    }
}

/// A TCP port in addition to the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// Address and port to listen on.
    pub address: SocketAddr,
    /// Directory of the certificates for mutual TLS; `None` means plain text.
    pub pki_dir: Option<PathBuf>,
}

/// A bound socket, and a TCP port if one is wanted. Both are bound before anything else starts, so that a problem is
/// reported early.
pub struct Server {
    socket: UnixListener,
    tcp: Option<(TcpListener, Option<ServerTls>)>,
}

impl Server {
    /// Makes the socket, which only its owner may use, and binds the port.
    ///
    /// # Errors
    /// When one of them cannot be bound.
    pub async fn bind(socket: &Path, tcp: Option<&Tcp>) -> Result<Self, Error> {
        let tcp = match tcp {
            None => None,
            Some(tcp) => Some(bind_tcp(tcp).await?),
        };
        Ok(Self {
            socket: bind_socket(socket)?,
            tcp,
        })
    }

    /// The TCP address, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.0.local_addr().ok()
    }

    /// Serves until `closing`; a call to stop triggers `shutdown`.
    ///
    /// # Errors
    /// When a listener breaks.
    pub async fn serve(self, handle: Handle, shutdown: Shutdown, closing: Shutdown) -> Result<(), Error> {
        let service = Service {
            handle,
            shutdown,
            closing: closing.clone(),
        };
        let router = || {
            tonic::transport::Server::builder()
                .http2_keepalive_interval(Some(Duration::from_secs(30)))
                .layer(ServerSpans)
                .add_service(SyncServer::new(service.clone()))
        };
        let ended = || {
            let closing = closing.clone();
            async move { closing.wait().await }
        };
        let local = router().serve_with_incoming_shutdown(UnixListenerStream::new(self.socket), ended());
        let remote = async {
            match self.tcp {
                None => Ok(()),
                Some((listener, Some(tls))) => {
                    let incoming = tls.incoming(listener);
                    router().serve_with_incoming_shutdown(incoming, ended()).await
                }
                Some((listener, None)) => {
                    let incoming = TcpListenerStream::new(listener);
                    router().serve_with_incoming_shutdown(incoming, ended()).await
                }
            }
        };
        let cut = async {
            closing.wait().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = async { tokio::try_join!(local, remote) } => served.map(|_| ()).map_err(Error::Serve),
            () = cut => Ok(()),
        }
    }
}

/// The socket is made under a temporary name and then renamed. So nobody can connect before its permissions are set,
/// and whoever finds its name finds a socket that answers.
fn bind_socket(path: &Path) -> Result<UnixListener, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push("~");
    let temporary = PathBuf::from(name);
    if temporary.as_os_str().len() > SOCKET_PATH_LIMIT {
        return Err(Error::PathTooLong {
            path: path.to_owned(),
        });
    }
    let make = || {
        // Left behind by a process that was killed. The caller holds the lock, so it is nobody else's.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&temporary)?;
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&temporary, path)?;
        Ok(listener)
    };
    make().map_err(|source| Error::Socket {
        path: path.to_owned(),
        source,
    })
}

async fn bind_tcp(tcp: &Tcp) -> Result<(TcpListener, Option<ServerTls>), Error> {
    let tls = tcp.pki_dir.as_ref().map(|path| {
        ServerTls::from_dir(path, Role::Operator).map_err(|source| Error::Certificates {
            path: path.clone(),
            source,
        })
    });
    let tls = tls.transpose()?;
    let listener = mesolith_telemetry::listen(tcp.address)
        .await
        .map_err(Error::Listen)?;
    Ok((listener, tls))
}
