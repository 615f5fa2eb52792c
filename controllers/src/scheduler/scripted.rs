//! The scheduler against a scripted master over real HTTP: what it calls, and what it makes of faults.

mod faults;
pub(super) mod master;
mod stories;
