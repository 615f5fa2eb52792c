//! Makes a connection on which the first packet can be sent: TCP, then TLS, then SASL.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::broken::Broken;
use super::sasl;
use crate::members::Endpoint;
use crate::security::{Port, Security, Tls, explain};

pub(super) type Reading = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection that is ready for the first packet.
pub(super) struct Dialled {
    pub(super) reading: Reading,
    pub(super) writing: Writing,
    /// TLS and the host it is for.
    pub(super) tls: Option<(Tls, String)>,
}

pub(super) async fn open(address: &str, security: &Security, limit: Duration) -> Result<Dialled, Broken> {
    let fail = |cause: String| Broken::Connect {
        address: address.to_owned(),
        cause,
    };
    let nothing = || format!("nothing within {limit:?}");
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(fail(error.to_string())),
        Err(_) => return Err(fail(nothing())),
    };
    stream.set_nodelay(true)?;
    let Some(tls) = &security.quorum_tls else {
        let mut stream = stream;
        log_in(&mut stream, address, security, limit, None).await?;
        let (reading, writing) = stream.into_split();
        return Ok(Dialled {
            reading: Box::new(reading),
            writing: Box::new(writing),
            tls: None,
        });
    };
    let host = Endpoint::parse(address).map_or_else(|| address.to_owned(), |e| e.host);
    let config = tls.client_config()?;
    let mut stream = match timeout(limit, Tls::connect(config, &host, stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(Broken::Tls {
                address: address.to_owned(),
                cause: explain(&error, Port::Quorum, &host, tls),
            });
        }
        Err(_) => {
            return Err(Broken::Tls {
                address: address.to_owned(),
                cause: format!("{}; has it sslQuorum=true?", nothing()),
            });
        }
    };
    let with = Some((tls.clone(), host));
    log_in(&mut stream, address, security, limit, with.as_ref()).await?;
    let (reading, writing) = tokio::io::split(stream);
    Ok(Dialled {
        reading: Box::new(reading),
        writing: Box::new(writing),
        tls: with,
    })
}

async fn log_in(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    address: &str,
    security: &Security,
    limit: Duration,
    tls: Option<&(Tls, String)>,
) -> Result<(), Broken> {
    let Some(user) = &security.quorum_sasl else {
        return Ok(());
    };
    let refused = match sasl::log_in(stream, user, limit).await {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    if let (sasl::Refused::Io(error), Some((tls, host))) = (&refused, tls) {
        return Err(Broken::Tls {
            address: address.to_owned(),
            cause: explain(error, Port::Quorum, host, tls),
        });
    }
    Err(Broken::Sasl {
        address: address.to_owned(),
        cause: refused.to_string(),
    })
}
