//! A sync engine as the operator has it: what it is to do, the component that nodes get for that, what it says, and how
//! it is asked. Engines of one name run on several nodes: one is active, the others stand by.
//!
//! ```text
//! Plan ──component()──► node agents ──► engines          settings go with the component; the node gives them on
//! SyncFacts ◄── SyncEngine ──gRPC, mutual TLS──► engines  barrier, diff, switch, configure: the active one answers
//! ```
//!
//! All types are plain data; messages of the wire stay inside.

/// Port of an engine's API on every node.
pub const ENGINE_PORT: u16 = 7075;

mod client;
mod component;
mod error;
mod facts;
mod plan;
mod settings;

pub use client::{Seen, SyncEngine};
pub use component::{ID, component};
pub use error::SyncError;
pub use facts::{Alert, Difference, Lag, Role, SideFacts, State, SyncDiff, SyncFacts, Waiting};
pub use plan::{Access, Plan, TlsFiles};
pub use settings::{Mode, Root, Settings, Strategy, Writer};
