//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`settings`], [`status`], [`handle`]: what is wanted of an engine, what it says, how it is asked.
//! - [`options`]: what it is started with.
//! - [`control`]: the service through which a running one is asked, and its client.
//! - [`metrics`]: its status as Prometheus wants it.
//! - [`run`]: an engine as a process.
//! - [`cli`]: its command line.
//! - [`Scope`]: which paths.
//! - [`plan`], [`pipeline`]: what to write to the target, when, and what the answers mean. Pure.
//! - [`checkpoint`]: how far the target is, kept in the target.

pub mod checkpoint;
pub mod cli;
pub mod control;
#[cfg(test)]
mod fixtures;
pub mod handle;
pub mod metrics;
pub mod options;
pub mod pipeline;
pub mod plan;
pub mod run;
mod scope;
pub mod settings;
pub mod status;

pub use scope::{Error as ScopeError, Scope};
