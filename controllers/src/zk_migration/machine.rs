//! The machine of a migration: `Phase x Stage x Direction`, moved by what is seen. Pure: no client, no clock.
//!
//! ```text
//! forward: Preflight ─► Acting ─► Verifying ─► AwaitingApproval ─► Done ─► Preflight of the next phase
//! back:    Acting ─► Verifying ─► Done ─► Acting of the phase before
//! ```
//!
//! A decision moves the record or acts, never both. So the record of a stage is stored before the first effect of it,
//! and an operator that ends in between does one round again. Every effect may be lost or repeated: what is missing is
//! found by looking at the world, not by remembering what was done.

mod decide;
mod evidence;
mod intent;
mod phases;
mod record;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
mod world;

pub(super) use decide::{Cause, Decision, decide};
pub(super) use evidence::Evidence;
pub(super) use intent::{Intent, worked};
pub(super) use phases::{DELETES, Effect};
pub(super) use record::Record;
pub(super) use world::{
    Approved, Counts, Drained, Goal, Leader, Paths, Probe, SeenSides, SyncSeen, World, wait,
};
