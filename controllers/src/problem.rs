//! Why something is not as it should be, or waits: a typed reason with its sentence.

/// A typed reason with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// CamelCase.
    pub(crate) reason: String,
    /// What, where, what to do.
    pub(crate) message: String,
}
