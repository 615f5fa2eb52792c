//! What operators want and the registry does not have yet.

use std::collections::VecDeque;

use crate::operation::{Change, Operation, Ticket};

/// Decisions that are not in force yet.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    /// The one that is being written.
    pub(crate) writing: Option<(Request, Change)>,
    /// Those after it.
    pub(crate) waiting: VecDeque<Request>,
    /// The next ticket.
    pub(crate) next: u64,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// None for the master's own decisions.
    pub(crate) ticket: Option<Ticket>,
}

impl Pending {
    /// Whether it is among them.
    pub(crate) fn has(&self, operation: &Operation) -> bool {
        let writing = self.writing.iter().map(|(request, _)| request);
        writing
            .chain(&self.waiting)
            .any(|request| request.operation == *operation)
    }
}
