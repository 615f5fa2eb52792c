//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`settings`], [`status`], [`handle`]: what is wanted of an engine, what it says, how it is asked.
//! - [`options`]: what it is started with.
//! - [`control`]: the service through which a running one is asked, and its client.
//! - [`Scope`]: which paths.
//! - [`plan`], [`pipeline`]: what to write to the target, when, and what the answers mean. Pure.
//! - [`checkpoint`]: how far the target is, kept in the target.

pub mod checkpoint;
pub mod control;
pub mod handle;
pub mod options;
pub mod pipeline;
pub mod plan;
mod scope;
pub mod settings;
pub mod status;

pub use scope::{Error as ScopeError, Scope};
