//! Why a channel did not take a message.

use serde::{Deserialize, Serialize};

/// A channel did not take a message. No value of a secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke.
    #[error("{host} cannot be reached: {problem}; check its address, the network and the certificates")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The system's error.
        problem: String,
    },
    /// No answer in time. It may have taken the message all the same.
    #[error("{host} did not answer within {seconds} s")]
    TimedOut {
        /// Host and port.
        host: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Too many messages.
    #[error("{host} takes no more messages for now")]
    Throttled {
        /// Host and port.
        host: String,
        /// Seconds after which it takes more, when it says so.
        retry_after: Option<u64>,
    },
    /// It has a problem of its own.
    #[error("{host} failed ({code}): {said}")]
    Broken {
        /// Host and port.
        host: String,
        /// HTTP or SMTP code.
        code: u16,
        /// Beginning of its answer.
        said: String,
    },
    /// It does not take messages from us.
    #[error("{host} does not let us in ({code}): {said}; check the channel's address, login and key")]
    Denied {
        /// Host and port.
        host: String,
        /// HTTP or SMTP code.
        code: u16,
        /// Beginning of its answer.
        said: String,
    },
    /// It does not take this message.
    #[error("{host} refused the message ({code}): {said}")]
    Refused {
        /// Host and port.
        host: String,
        /// HTTP or SMTP code.
        code: u16,
        /// Beginning of its answer.
        said: String,
    },
    /// The message could not be written in the channel's form.
    #[error("the message to {host} cannot be written: {problem}")]
    Unwritable {
        /// Host and port.
        host: String,
        /// What is wrong.
        problem: String,
    },
}

impl Failure {
    /// One word for machines.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "ChannelUnreachable",
            Self::TimedOut { .. } => "ChannelTimedOut",
            Self::Throttled { .. } => "ChannelThrottled",
            Self::Broken { .. } => "ChannelBroken",
            Self::Denied { .. } => "ChannelDenied",
            Self::Refused { .. } => "MessageRefused",
            Self::Unwritable { .. } => "MessageUnwritable",
        }
    }

    /// Whether only this message is concerned: another one may pass at once.
    #[must_use]
    pub fn is_of_the_message(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unwritable { .. })
    }

    /// Seconds that the channel asked us to wait.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
