//! Mesos-compatible master: HTTP APIs, allocator, agent sessions, leader election.
//!
//! ```text
//! HTTP, gRPC ──Input──► event loop ──State::apply──► Effects ──► streams, sessions, answers
//!                           └──► Snapshot ──► readers (never wait for the writer)
//! ```
// Mesos' clients still use the fields that its proto calls deprecated.
#![allow(deprecated)]

mod agents;
pub mod allocator;
mod args;
mod calls;
mod decide;
mod election;
mod event_loop;
mod gate;
mod http;
mod input;
mod inverse;
mod leadership;
mod listener;
mod observe;
mod offers;
pub mod operation;
mod operator;
mod permission;
mod registry;
mod run;
mod session;
pub mod state;
#[cfg(test)]
mod tests;
mod time;
mod timers;
mod updates;
pub mod validate;
pub mod wire;

pub use args::{Accepted, Args};
pub use input::{Answer, Effect, Input, Registry, SessionId, StreamId};
pub use run::run;
pub use time::Time;
