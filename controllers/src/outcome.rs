//! How a reconcile may end, and what follows.
//!
//! | outcome | next | user sees |
//! |---|---|---|
//! | done | a change, or the slow resync | `Ready=True` |
//! | waiting | a change, or the wait's own interval | reason `WaitingFor...` |
//! | invalid | a change | `Ready=False`, one event |
//! | `Err` (transient) | exponential back-off | metric, log, `Degraded` after a few |

use mesolith_crds::Reason;
use std::time::Duration;

/// How a reconcile ended when nothing failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The world is as the spec says.
    Done,
    /// The same, but what nothing tells of may change.
    DoneFor {
        /// When to look again.
        again: Duration,
    },
    /// Something has to happen first.
    Waiting {
        /// The condition's reason, e.g. `WaitingForQuorum`.
        reason: Reason,
        /// When to look again without a trigger; `None` where a trigger always comes.
        again: Option<Duration>,
    },
    /// The spec cannot be followed until someone changes it.
    Invalid {
        /// The condition's reason, e.g. `InvalidSpec`.
        reason: Reason,
    },
}

impl Outcome {
    /// Label of the outcome in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Outcome::Done | Outcome::DoneFor { .. } => "done",
            Outcome::Waiting { .. } => "waiting",
            Outcome::Invalid { .. } => "invalid",
        }
    }

    /// The reason; none when done.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Outcome::Done | Outcome::DoneFor { .. } => None,
            Outcome::Waiting { reason, .. } | Outcome::Invalid { reason } => Some(*reason),
        }
    }
}

/// A transient failure of a reconcile: retried with back-off.
pub(crate) trait Transient: std::error::Error + Send + 'static {
    /// The operation that failed.
    fn reason(&self) -> Reason;

    /// Whether the object was changed by someone else since it was read: no failure, just read it again.
    fn is_conflict(&self) -> bool {
        false
    }
}

/// Whether the API server refused a write since the object has changed meanwhile.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// The deepest cause of an error, in lower case and without the number that the operating system has for it: what is
/// around it is the libraries' own words.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut deepest = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !text.is_empty() {
            deepest = text;
        }
        source = cause.source();
    }
    plain(&deepest)
}

/// A cause that is text already, in the same way.
pub(crate) fn plain(text: &str) -> String {
    let cleaned = text.split(" (os error").next().unwrap_or(text).trim();
    // "Connection refused" reads better inside a sentence in lower case; "TLS ..." stays.
    let second_is_upper = cleaned.chars().nth(1).is_some_and(char::is_uppercase);
    let mut chars = cleaned.chars();
    match chars.next() {
        Some(first) if !second_is_upper => first.to_lowercase().chain(chars).collect(),
        _ => cleaned.to_owned(),
    }
}

/// An error with all its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
