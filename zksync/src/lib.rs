//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`settings`], [`status`], [`handle`]: what is wanted of an engine, what it says, how it is asked.
//! - [`options`]: what it is started with.
//! - [`Routes`]: which paths.
//! - [`plan`], [`pipeline`], [`duplex`]: what to write to the target, when, and what the answers mean. Pure.
//! - [`side`]: one ensemble, whatever the way to it.
//! - [`checkpoint`]: how far the target is, kept in the target.

pub mod checkpoint;
pub mod duplex;
pub mod engine;
pub mod handle;
pub mod options;
pub mod pipeline;
pub mod plan;
mod routes;
pub mod settings;
pub mod side;
pub mod status;

pub use routes::{Error as RoutesError, Place, Routes};
