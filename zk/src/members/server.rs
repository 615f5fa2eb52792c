//! A server as a user writes it.

use std::fmt;
use std::str::FromStr;

use super::Endpoint;

/// A server of an ensemble: its client address, and its quorum address if that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// `host:port` for clients.
    pub client: String,
    /// `host:port` for learners, which is the first port of its `server.N` line. If it is left out, the server is
    /// asked.
    pub quorum: Option<String>,
}

/// The text is not a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no ZooKeeper server; expected host:port or host:port:quorum-port, IPv6 addresses in brackets"
)]
pub struct InvalidServer(pub String);

impl InvalidServer {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        "InvalidZooKeeperServer"
    }
}

impl Server {
    /// With both addresses.
    pub fn new(client: impl Into<String>, quorum: impl Into<String>) -> Self {
        Self {
            client: client.into(),
            quorum: Some(quorum.into()),
        }
    }

    /// With the address for clients only.
    pub fn of_client(client: impl Into<String>) -> Self {
        Self {
            client: client.into(),
            quorum: None,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::parse(&self.client)
    }
}

impl FromStr for Server {
    type Err = InvalidServer;

    /// Parses `host`, `host:client` or `host:client:quorum`. The default client port is 2181.
    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let invalid = || InvalidServer(text.to_owned());
        let text = text.trim();
        // Colons inside brackets belong to an address.
        let end = match text.strip_prefix('[') {
            Some(_) => text.find(']').ok_or_else(invalid)? + 1,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, ports) = text.split_at(end);
        let ports: Vec<_> = ports.split(':').skip(1).collect();
        let endpoint = |port: &str| Endpoint::parse(&format!("{host}:{port}")).ok_or_else(invalid);
        let (client, quorum) = match ports.as_slice() {
            [] if end == text.len() => (endpoint("2181")?, None),
            [client] => (endpoint(client)?, None),
            [client, quorum] => (endpoint(client)?, Some(endpoint(quorum)?)),
            _ => return Err(invalid()),
        };
        Ok(Self {
            client: client.to_string(),
            quorum: quorum.map(|q| q.to_string()),
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.client)
    }
}
