//! A channel that people hear nothing from, as a fact.

use mesolith_crds::Reason;

/// A channel that does not get its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Undelivered {
    /// Its kind.
    pub(in super::super) reason: Reason,
    /// What happened, and what to do.
    pub(in super::super) message: String,
}
