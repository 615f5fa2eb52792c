//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`settings`], [`status`], [`handle`]: what is wanted of an engine, what it says, how it is asked.
//! - [`options`]: what it is started with.
//! - [`Routes`]: which paths.
//! - [`plan`], [`pipeline`], [`duplex`]: what to write, when, and what the answers mean. Pure.
//! - [`side`]: one ensemble, whatever the way to it.
//! - [`engine`]: two sides and the decisions between them, running.
//! - [`client_side`]: an ensemble through its client port only.
//! - [`checkpoint`]: how far the target is, kept in the target.
//! - [`seed`]: snapshot files for a target that was never started.
//! - [`preflight`], [`identity`], [`estimate`]: whether an engine may begin, on these ensembles, on this machine.
//! - [`diff`]: where the two differ.
//! - [`control`]: the service through which a running one is asked, and its client.
//! - [`metrics`]: its status as Prometheus wants it.
//! - [`run`]: an engine as a process.
//! - [`cli`]: its command line.

pub mod checkpoint;
pub mod cli;
pub mod client_side;
pub mod control;
pub mod diff;
pub mod duplex;
pub mod engine;
pub mod estimate;
#[cfg(test)]
mod fixtures;
pub mod handle;
pub mod identity;
pub mod metrics;
pub mod options;
pub mod pipeline;
pub mod plan;
pub mod preflight;
mod routes;
pub mod run;
pub mod seed;
pub mod settings;
pub mod side;
pub mod status;

pub use routes::{Error as RoutesError, Place, Routes};
