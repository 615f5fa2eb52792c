//! What an engine is to do. Plain data.

use super::settings::Settings;
use std::time::Duration;

/// Everything that a node has to know of an engine, but for its own address.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Name of the engine: letters, digits, '-', '_' and '.', at most 64. Engines of one name take turns.
    pub name: String,
    /// Ensemble A, the source.
    pub a: Access,
    /// Ensemble B, the target.
    pub b: Access,
    /// Port of its API on every node.
    pub port: u16,
    /// Port of its metrics and health on every node.
    pub metrics_port: Option<u16>,
    /// What it begins with and is given while it runs; a new generation restarts nothing.
    pub settings: Settings,
    /// How long a mirrored session outlives its own ensemble; the engine's default is 15 minutes.
    pub session_grace: Option<Duration>,
    /// How long a standby waits for the active engine's sign of life; the engine's default is 6 s.
    pub lease_timeout: Option<Duration>,
    /// Whether B may lose what it has in scope and A has not.
    pub overwrite: bool,
    /// CPUs at most.
    pub cpus: Option<f64>,
    /// Bytes of memory at most. An engine holds both whole trees.
    pub memory_bytes: Option<u64>,
}

/// How an ensemble is reached. Secrets are files on the node, which a person has put there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// `host:port` or `host:port:quorum-port`, separated by commas; all servers, so that a leader change is followed.
    pub servers: String,
    /// Files with an identity each: `digest:USER:PASSWORD`.
    pub auth_files: Vec<String>,
    /// File with `USER:PASSWORD` for SASL on the client port.
    pub sasl_file: Option<String>,
    /// The same for the quorum port.
    pub quorum_sasl_file: Option<String>,
    /// TLS on the client port.
    pub tls: Option<TlsFiles>,
    /// TLS on the quorum port.
    pub quorum_tls: Option<TlsFiles>,
}

/// PEM files on the node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities of the servers.
    pub ca: String,
    /// Our certificate and its key, for servers that ask for one.
    pub identity: Option<(String, String)>,
}
