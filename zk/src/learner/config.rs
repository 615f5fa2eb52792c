//! Options of an observer.

use std::path::PathBuf;
use std::time::Duration;

use super::Server;
use crate::security::Security;

/// Options of an observer.
#[derive(Debug, Clone)]
pub struct Config {
    /// Servers of the ensemble. Some are enough, since from 3.5 on they name the others.
    pub servers: Vec<Server>,
    /// TLS, SASL and credentials that the ensemble asks for.
    pub security: Security,
    /// The observer's id. No server and no other observer may use it.
    pub id: i64,
    /// Folder for the queue's file, which takes transactions that do not fit into memory.
    pub spool_dir: PathBuf,
    /// Most bytes of transactions in memory.
    pub memory_limit: usize,
    /// Most bytes of transactions on disk. Beyond that the link is closed, and made again once there is room.
    pub spool_limit: u64,
    /// A link counts as lost when the leader is silent for this long. It pings twice a tick.
    pub silence_limit: Duration,
    /// Time limit for each answer of the handshake, and for a snapshot to begin.
    pub handshake_limit: Duration,
    /// Pause between attempts to find a leader.
    pub retry: Duration,
}

impl Config {
    /// The lowest observer id. Servers have ids up to 255, since the id is the top byte of their session ids.
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
