//! A channel that people hear nothing from, as a fact.

/// A channel that does not get its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Undelivered {
    /// CamelCase.
    pub(in super::super) reason: &'static str,
    /// What happened, and what to do.
    pub(in super::super) message: String,
}
