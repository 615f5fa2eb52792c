//! What the decision knows of a channel.

use crate::alert::Severity;

/// What the decision must know of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name; unique.
    pub channel: String,
    /// Alerts that are less bad are not for it.
    pub at_least: Severity,
}
