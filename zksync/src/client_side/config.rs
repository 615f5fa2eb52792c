//! Servers, and how to work with them.

use std::time::Duration;

use mesolith_zk::max_buffer;
use mesolith_zk::security::Security;

use crate::side::Capture;

/// How to work with an ensemble.
#[derive(Debug, Clone)]
pub struct Config {
    /// `host:port` of the servers for clients.
    pub servers: Vec<String>,
    /// What the servers ask of clients.
    pub security: Security,
    /// How changes are seen; not [`Capture::Observer`].
    pub capture: Capture,
    /// Why so.
    pub reason: String,
    /// The servers' version; without one they are taken for new ones. Before 3.5 a multi that creates is carried out
    /// one by one, with its last write, the checkpoint, at the end.
    pub version: Option<(u32, u32, u32)>,
    /// Subtrees to read; all of it by default.
    pub roots: Vec<String>,
    /// Timeout of the link's session.
    pub session_timeout: Duration,
    /// Timeout, in milliseconds, that sessions of others are given: clients cannot see it.
    pub foreign_timeout: i32,
    /// Pause between two looks at everything; `None` is never.
    pub resync: Option<Duration>,
    /// Requests of reads that are on their way together.
    pub window: usize,
    /// Writes that are on their way together.
    pub in_flight: usize,
    /// Limit for one call that nothing else watches over.
    pub call_limit: Duration,
    /// Pause between attempts to get a session.
    pub retry: Duration,
    /// The longest packet, in bytes, that the servers take: their `jute.maxbuffer`.
    pub largest: usize,
}

impl Config {
    /// Default of [`Config::resync`], in seconds.
    pub const RESYNC_SECONDS: u64 = 60;

    /// With defaults for everything else.
    pub fn new(servers: Vec<String>, capture: Capture) -> Self {
        Self {
            servers,
            security: Security::default(),
            capture,
            reason: String::new(),
            version: None,
            roots: vec!["/".to_owned()],
            session_timeout: Duration::from_secs(30),
            foreign_timeout: 30_000,
            resync: Some(Duration::from_secs(Self::RESYNC_SECONDS)),
            window: 500,
            in_flight: 8,
            call_limit: Duration::from_secs(15),
            retry: Duration::from_millis(500),
            largest: max_buffer::DEFAULT as usize,
        }
    }
}
