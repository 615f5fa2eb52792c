//! Why a link to a leader has failed.

use std::time::Duration;

use crate::{jute, snapshot};

/// The link has failed. The sentence says why.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("cannot connect to the leader at {address}: {cause}")]
    Connect { address: String, cause: String },
    #[error("the leader closed the link")]
    Closed,
    #[error("the link to the leader broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("the leader at {address} does not take part in TLS: {cause}")]
    Tls { address: String, cause: String },
    #[error("the leader at {address} does not let us in: {cause}")]
    Sasl { address: String, cause: String },
    #[error("{0}")]
    Security(#[from] crate::security::Error),
    #[error("the leader said nothing for {0:?}")]
    Silent(Duration),
    #[error("the leader's stream is not understood: {0}")]
    Record(#[from] jute::Error),
    #[error("the leader's snapshot is not understood: {0}")]
    Snapshot(#[from] snapshot::Error),
    /// The leader has closed the connection instead of answering. The text says what that may mean.
    #[error("{0}")]
    TurnedAway(String),
    #[error("{0}")]
    Protocol(String),
}

impl Broken {
    /// Whether waiting alone will hardly help.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Tls { .. } | Self::Sasl { .. } | Self::Security(_) | Self::TurnedAway(_)
        )
    }
}
