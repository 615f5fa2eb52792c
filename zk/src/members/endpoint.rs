//! `host:port`, with IPv6 addresses in brackets.

use std::fmt;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint with this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// Parses `host:port` or `[address]:port`. The port follows the last colon, so an IPv6 address without brackets,
    /// as old servers print it, is parsed as well.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None => host,
        };
        let port = port.parse().ok().filter(|p| *p > 0)?;
        let fine =
            !host.is_empty() && !host.contains(['[', ']', '/', ',']) && !host.contains(char::is_whitespace);
        fine.then(|| Self::new(host, port))
    }

    /// Whether the host stands for every address of a machine.
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host.as_str(), "0.0.0.0" | "::" | "0:0:0:0:0:0:0:0" | "*")
    }

    /// The same endpoint, with `host` in place of a wildcard.
    #[must_use]
    pub fn at(&self, host: &str) -> Self {
        let host = if self.is_wildcard() { host } else { &self.host };
        Self::new(host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
