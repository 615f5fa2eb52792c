//! The scheduler against a scripted master over real HTTP: what it calls, and what it makes of faults.

mod faults;
mod health;
pub(super) mod master;
mod placing;
mod stories;
