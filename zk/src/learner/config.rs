//! How an observer joins, and what it may use.

use std::path::PathBuf;
use std::time::Duration;

use super::Server;
use crate::security::Security;

/// How to join.
#[derive(Debug, Clone)]
pub struct Config {
    /// Servers of the ensemble; some are enough, since they name the others (3.5+).
    pub servers: Vec<Server>,
    /// TLS, SASL and credentials that the ensemble asks for.
    pub security: Security,
    /// The observer's id; must be none that the ensemble configures. Different for each process that joins.
    pub id: i64,
    /// Folder for transactions that do not fit into memory.
    pub spool_dir: PathBuf,
    /// Bytes of transactions to hold in memory.
    pub memory_limit: usize,
    /// Bytes of transactions to hold on disk; above that the link is given up, and resumed once there is room.
    pub spool_limit: u64,
    /// The link is lost when the leader says nothing for this long; it pings twice a tick.
    pub silence_limit: Duration,
    /// Limit for the handshake's answers and for a snapshot to begin.
    pub handshake_limit: Duration,
    /// Pause between attempts to find a leader.
    pub retry: Duration,
}

impl Config {
    /// Lowest observer id: servers are numbered up to 255, since the id is the top byte of session ids.
    pub const LOWEST_ID: i64 = 256;

    /// With defaults for everything else.
    pub fn new(servers: Vec<Server>, spool_dir: PathBuf) -> Self {
        Self {
            servers,
            security: Security::default(),
            id: 9_000_001,
            spool_dir,
            memory_limit: 64 << 20,
            spool_limit: 16 << 30,
            silence_limit: Duration::from_secs(15),
            handshake_limit: Duration::from_secs(60),
            retry: Duration::from_millis(50),
        }
    }
}
