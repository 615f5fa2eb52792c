//! SASL on the quorum port, before the first packet.
//!
//! ```text
//! we      magic, in progress, nothing          (the servers' client begins with an empty token)
//! leader  magic, in progress, challenge
//! we      magic, in progress, response
//! leader  magic, success, its proof            or magic, error; or it closes
//! ```

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::Credentials;
use crate::jute::Writer;
use crate::security::digest_md5;

const MAGIC: i64 = 0x5F24_3501_3501_EDCC;
const IN_PROGRESS: i32 = 0;
const SUCCESS: i32 = 1;

/// The service name that all quorum ports use.
const SERVICE: &str = "zookeeper-quorum";
const HOST: &str = "zk-quorum-sasl-md5";

/// Longest token that is accepted.
const LONGEST_TOKEN: usize = 1 << 16;
/// Time limit for an answer. A server without SASL takes our bytes for a part of a packet and waits for more.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the server does not let us in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "it does not answer SASL; has it quorum.auth.enableSasl=true and quorum.auth.serverRequireSasl=true? It may also want TLS"
    )]
    NoSasl,
    #[error(
        "it refused the user '{0}'; check user and password against the section QuorumServer of the servers' JAAS file"
    )]
    Password(String),
    #[error("it may want Kerberos, which this program only speaks with client ports: {0}")]
    Mechanism(digest_md5::Error),
    #[error("{0}")]
    Server(digest_md5::Error),
    #[error("its SASL is not understood: a status of {0}")]
    Status(i32),
    #[error("the connection broke: {0}")]
    Io(io::Error),
}

pub(super) async fn log_in(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    credentials: &Credentials,
    limit: Duration,
) -> Result<(), Refused> {
    let limit = limit.min(PATIENCE);
    let ours = |error: digest_md5::Error| Refused::Server(error);
    send(stream, b"").await?;
    let challenge = match receive(stream, limit).await? {
        Some((IN_PROGRESS, token)) => token,
        Some((status, _)) => return Err(Refused::Status(status)),
        None => return Err(Refused::NoSasl),
    };
    let cnonce = digest_md5::nonce().map_err(ours)?;
    let response =
        digest_md5::respond(&challenge, credentials, SERVICE, HOST, &cnonce).map_err(Refused::Mechanism)?;
    send(stream, response.text.as_bytes()).await?;
    match receive(stream, limit).await? {
        Some((SUCCESS, token)) => response.check(&token).map_err(ours),
        // Closing the connection and sending an error mean the same.
        Some(_) | None => Err(Refused::Password(credentials.user.clone())),
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), token: &[u8]) -> Result<(), Refused> {
    let mut writer = Writer::new();
    writer.long(MAGIC);
    writer.int(IN_PROGRESS);
    writer.buffer(Some(token));
    // If the server refuses us, that shows when its answer is read.
    let sent = async {
        stream.write_all(writer.as_slice()).await?;
        stream.flush().await
    };
    match sent.await {
        Err(error) if !is_end(&error) => Err(Refused::Io(error)),
        _ => Ok(()),
    }
}

/// Status and token. `None` if the server closes the connection, is silent, or sends something else.
async fn receive(
    stream: &mut (impl AsyncRead + Unpin),
    limit: Duration,
) -> Result<Option<(i32, Vec<u8>)>, Refused> {
    let read = async {
        if stream.read_i64().await? != MAGIC {
            return Ok(None);
        }
        let status = stream.read_i32().await?;
        let length = stream.read_i32().await?;
        let Some(length) = usize::try_from(length).ok().filter(|n| *n <= LONGEST_TOKEN) else {
            return Ok(None);
        };
        let mut token = vec![0; length];
        stream.read_exact(&mut token).await?;
        Ok(Some((status, token)))
    };
    match timeout(limit, read).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if is_end(&error) => Ok(None),
        Ok(Err(error)) => Err(Refused::Io(error)),
        Err(_) => Ok(None),
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
