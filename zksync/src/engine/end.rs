//! The engine's state of one side.

use tokio::sync::watch;

use super::claim::Claim;
use super::lag::Lags;
use super::largest::Largest;
use super::watcher::{self, Servers};
use crate::duplex::Both;
use crate::options::Options;
use crate::settings::Side;
use crate::side::Link;

/// One side.
pub(super) struct End {
    pub(super) link: Link,
    pub(super) up: bool,
    /// Why there is no link at present.
    pub(super) cause: Option<String>,
    /// The leader had no history of what was missed and has sent its whole tree.
    pub(super) gap: bool,
    pub(super) claim: Claim,
    pub(super) claim_again: u64,
    pub(super) marked: u64,
    pub(super) lags: Lags,
    /// How long this side takes to commit a request.
    pub(super) answers: Lags,
    pub(super) servers: watch::Receiver<Servers>,
    pub(super) largest: Largest,
    pub(super) digest: Option<bool>,
    pub(super) digest_at: u64,
    /// When the leader's tree last turned out to differ from what it, or the leader before it, had sent.
    pub(super) differed_at: Option<u64>,
    pub(super) touched: u64,
}

impl End {
    pub(super) fn new(options: &Options, side: Side, link: Link, claim: Claim) -> Self {
        let endpoint = options.endpoint(side);
        let servers: Vec<String> = endpoint.servers.iter().map(|server| server.client()).collect();
        Self {
            link,
            up: false,
            cause: None,
            gap: false,
            claim,
            claim_again: 0,
            marked: 0,
            lags: Lags::default(),
            answers: Lags::default(),
            largest: Largest::watch(servers.clone(), &endpoint.security.connection()),
            servers: watcher::watch(servers, &endpoint.security.connection()),
            digest: None,
            digest_at: 0,
            differed_at: None,
            touched: u64::MAX,
        }
    }
}

pub(super) fn both<'e>(a: &'e End, b: &'e End) -> Both<'e> {
    Both {
        a: a.link.tree(),
        b: b.link.tree(),
    }
}
