//! Why something is not as it should be, or waits: a typed reason with its sentence.

use mesolith_crds::Reason;

/// A typed reason with its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its kind.
    pub(crate) reason: Reason,
    /// What, where, what to do.
    pub(crate) message: String,
    /// The node that it is about, if it is about one.
    pub(crate) node: Option<String>,
}

impl Problem {
    /// A problem that is not about a node.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            node: None,
        }
    }

    /// The same, about this node.
    pub(crate) fn on(self, node: &str) -> Self {
        Self {
            node: Some(node.to_owned()),
            ..self
        }
    }
}
