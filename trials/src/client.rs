//! Clients like those of any application.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use zookeeper_client::{Acls, Client, Connector, CreateMode, CreateOptions, Error};

use crate::version::Version;

/// The identity of every client here. All can read what one of them has closed to others.
pub const AUTHENTICATION: (&str, &[u8]) = ("digest", b"trial:secret");

/// Options of a node that is open to everyone.
pub const OPEN: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());

fn connector(version: Version, timeout: Duration) -> Connector {
    let connector = Client::connector()
        .with_session_timeout(timeout)
        .with_auth(AUTHENTICATION.0, AUTHENTICATION.1);
    if version.is_old() {
        connector.with_server_version(3, 4, 14)
    } else {
        connector
    }
}

/// Connects. Tries for a minute and a half, since servers may be starting.
///
/// # Errors
/// When no server answers in that time.
pub async fn connect(servers: &str, version: Version, timeout: Duration) -> Result<Client> {
    connect_by(&connector(version, timeout), servers).await
}

/// Like [`connect`], but the session outlives the client, as after a crash.
///
/// # Errors
/// As [`connect`].
pub async fn connect_to_crash(servers: &str, version: Version, timeout: Duration) -> Result<Client> {
    connect_by(&connector(version, timeout).with_detached(), servers).await
}

async fn connect_by(connector: &Connector, servers: &str) -> Result<Client> {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let tried = tokio::time::timeout(Duration::from_secs(20), connector.clone().connect(servers)).await;
        match tried {
            Ok(Ok(client)) => return Ok(client),
            last if Instant::now() > until => bail!("no session at {servers} within 90 s: {last:?}"),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Creates a node, even if the connection breaks meanwhile. The node may exist already.
///
/// # Errors
/// When it does not exist within the limit.
pub async fn create_surely(client: &Client, path: &str, data: &[u8], limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let tried = tokio::time::timeout(Duration::from_secs(10), client.create(path, data, &OPEN)).await;
        match tried {
            Ok(Ok(_) | Err(Error::NodeExists)) => return Ok(()),
            last if Instant::now() > until => bail!("cannot create {path} within {limit:?}: {last:?}"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Waits until a node exists, or until it does not, and returns how long that took.
///
/// # Errors
/// When the limit is over.
pub async fn wait_for(client: &Client, path: &str, there: bool, limit: Duration) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let tried = tokio::time::timeout(Duration::from_secs(10), client.check_stat(path)).await;
        match tried {
            Ok(Ok(stat)) if stat.is_some() == there => return Ok(began.elapsed()),
            last if began.elapsed() > limit => {
                let wanted = if there { "there" } else { "gone" };
                bail!("{path} is not {wanted} after {limit:?}: {last:?}")
            }
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
