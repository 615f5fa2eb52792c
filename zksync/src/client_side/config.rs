//! How a client link works with an ensemble.

use std::time::Duration;

use mesolith_zk::max_buffer;
use mesolith_zk::security::Security;

use crate::side::Capture;

/// How a client link works with an ensemble.
#[derive(Debug, Clone)]
pub struct Config {
    /// `host:port` of the servers' client ports.
    pub servers: Vec<String>,
    /// TLS and logins that the servers ask of clients.
    pub security: Security,
    /// The way in which changes are seen; not [`Capture::Observer`].
    pub capture: Capture,
    /// Why changes are seen in this way.
    pub reason: String,
    /// The servers' version. Without one they count as new. Before 3.5 a multi that creates nodes is sent as single
    /// writes; its last write, the checkpoint, comes at the end.
    pub version: Option<(u32, u32, u32)>,
    /// Subtrees to read; all of it by default.
    pub roots: Vec<String>,
    /// Timeout of the link's session.
    pub session_timeout: Duration,
    /// Session timeout, in milliseconds, that mirrored sessions of other clients get. A client cannot see the real
    /// one.
    pub foreign_timeout: i32,
    /// Pause between two looks at all nodes; `None` means never.
    pub resync: Option<Duration>,
    /// Most read requests without an answer at a time.
    pub window: usize,
    /// Most write requests without an answer at a time.
    pub in_flight: usize,
    /// Time limit of a call that has no other limit.
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
