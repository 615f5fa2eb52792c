//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`Scope`]: which paths.
//! - [`plan`], [`pipeline`]: what to write to the target, when, and what the answers mean. Pure.
//! - [`checkpoint`]: how far the target is, kept in the target.

pub mod checkpoint;
pub mod pipeline;
pub mod plan;
mod scope;

pub use scope::{Error as ScopeError, Scope};
