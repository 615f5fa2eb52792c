//! The dialling side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use super::config;
use super::error::TlsError;
use super::source::Reloading;
use super::verify::Required;
use crate::dir::PkiDir;
use crate::facts::CertificateFacts;
use crate::identity::{Identity, Role};
use crate::material::Material;

/// Time limit to connect and to shake hands, together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer whose machine is gone is noticed after the interval plus the timeout.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// h2 ends a connection on which many small messages lie unread; the budget is half the connection's window, so it
/// is far above the stream's.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// Dials peers of one role.
#[derive(Clone)]
pub struct ClientTls {
    source: Arc<Reloading<ClientConfig>>,
}

impl ClientTls {
    /// Uses the files of a directory and follows their changes.
    ///
    /// # Errors
    /// When the files are missing or make no sense.
    pub fn from_dir(dir: impl Into<std::path::PathBuf>, require: Role) -> Result<Self, TlsError> {
        let required = Required {
            role: require,
            name: None,
        };
        let source = Reloading::from_dir(PkiDir::new(dir), required, config::client)?;
        Ok(Self {
            source: Arc::new(source),
        })
    }

    /// Uses material that is in memory. With a `name`, only the party with this role and name is accepted.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn from_material(material: &Material, require: Role, name: Option<&str>) -> Result<Self, TlsError> {
        let required = Required {
            role: require,
            name: name.map(str::to_owned),
        };
        Ok(Self {
            source: Arc::new(Reloading::fixed(material, required, config::client)?),
        })
    }

    /// Uses other material for all later connections.
    ///
    /// # Errors
    /// When it makes no sense; what was used before stays in use.
    pub fn replace(&self, material: &Material) -> Result<(), TlsError> {
        self.source.replace(material)
    }

    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When nobody answers, or who answers is not the one that is required.
    pub async fn connect(&self, address: &str) -> Result<ClientStream, TlsError> {
        let name = server_name(address)?;
        let timeout = || TlsError::Timeout {
            peer: address.to_owned(),
            seconds: CONNECT_TIMEOUT.as_secs(),
        };
        let connect = async {
            let unreachable = |source| TlsError::Connect {
                peer: address.to_owned(),
                source,
            };
            let tcp = TcpStream::connect(address).await.map_err(unreachable)?;
            let _ = tcp.set_nodelay(true);
            let connector = TlsConnector::from(self.source.get());
            connector
                .connect(name, tcp)
                .await
                .map_err(|e| TlsError::from_io(address, e))
        };
        let inner = tokio::time::timeout(CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| timeout())??;
        Ok(ClientStream {
            inner,
            peer: address.to_owned(),
        })
    }

    /// A gRPC channel to `host:port`. It connects at the first call and again after each break; certificates that
    /// changed meanwhile are used then.
    ///
    /// # Errors
    /// When the address is not one.
    pub fn channel(&self, address: &str) -> Result<Channel, TlsError> {
        server_name(address)?;
        let (this, dial) = (self.clone(), address.to_owned());
        let connector = service_fn(move |_: Uri| {
            let (this, dial) = (this.clone(), dial.clone());
            async move { this.connect(&dial).await.map(TokioIo::new) }
        });
        Ok(endpoint(address)?.connect_with_connector_lazy(connector))
    }
}

/// A gRPC channel without TLS, for clusters that switched security off.
///
/// # Errors
/// When the address is not one.
pub fn plain_channel(address: &str) -> Result<Channel, TlsError> {
    Ok(endpoint(address)?.connect_lazy())
}

fn endpoint(address: &str) -> Result<Endpoint, TlsError> {
    let endpoint =
        Endpoint::from_shared(format!("http://{address}")).map_err(|_| TlsError::InvalidAddress {
            address: address.to_owned(),
        })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW))
}

fn server_name(address: &str) -> Result<ServerName<'static>, TlsError> {
    let invalid = || TlsError::InvalidAddress {
        address: address.to_owned(),
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    port.parse::<u16>().map_err(|_| invalid())?;
    ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| invalid())
}

/// A verified connection. In TLS 1.3 the server looks at our certificate only after our side is done, so its refusal
/// arrives with the first read: that error says so in words.
pub struct ClientStream {
    inner: TlsStream<TcpStream>,
    peer: String,
}

impl ClientStream {
    /// Who is at the other end.
    #[must_use]
    pub fn peer_identity(&self) -> Option<Identity> {
        self.peer_certificate()?.identity
    }

    /// The certificate that the other end showed.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<CertificateFacts> {
        let shown = self.inner.get_ref().1.peer_certificates()?.first()?;
        CertificateFacts::from_der(shown).ok()
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf).map_err(|error| {
            if !error.get_ref().is_some_and(|e| e.is::<rustls::Error>()) {
                return error;
            }
            io::Error::new(
                io::ErrorKind::PermissionDenied,
                TlsError::from_io(&self.peer, error),
            )
        })
    }
}

impl AsyncWrite for ClientStream {
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
