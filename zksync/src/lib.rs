//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`settings`], [`status`], [`handle`]: what is wanted of an engine, what it says, how it is asked.
//! - [`options`]: what it is started with.
//! - [`Routes`]: which paths.
//! - [`plan`], [`pipeline`], [`duplex`]: what to write to the target, when, and what the answers mean. Pure.
//! - [`checkpoint`]: how far the target is, kept in the target.
//! - [`seed`]: snapshot files for a target that was never started.
//! - [`preflight`], [`identity`], [`estimate`]: whether an engine may begin, on these ensembles, on this machine.
//! - [`diff`]: where the two differ.

pub mod checkpoint;
pub mod diff;
pub mod duplex;
pub mod estimate;
pub mod handle;
pub mod identity;
pub mod options;
pub mod pipeline;
pub mod plan;
pub mod preflight;
mod routes;
pub mod seed;
pub mod settings;
pub mod status;

pub use routes::{Error as RoutesError, Place, Routes};
