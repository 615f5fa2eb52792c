//! What a reconcile tells the world: conditions, a status patch when something changed, events on transitions.

mod conditions;
mod degraded;
mod events;
mod patch;
mod reporter;
mod stored;

pub(crate) use conditions::{Finding, Truth};
pub(crate) use degraded::TELL_AFTER;
pub(crate) use events::Event;
pub(crate) use reporter::{Announced, Reporter};
pub(crate) use stored::{Stored, status_of};
