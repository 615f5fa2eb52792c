//! How a running engine is talked to: the gRPC service `mesolith.zksync.v1.Sync` on a unix socket, and on TCP under
//! mutual TLS where that is asked for.
//!
//! ```text
//! CLI ─────────unix socket (0600)──► server ─► service ─► Handle ─► engine
//! controllers ─TCP, mutual TLS─────►
//! ```

mod client;
mod convert;
mod endpoint;
mod server;
mod service;

pub use client::{Client, Error as ClientError, Watch};
pub use endpoint::{Endpoint, Error as EndpointError};
pub use server::{Error as ServerError, Server, Tcp};

/// The metadata key under which a refusal carries its reason.
const REASON: &str = "mesolith-reason";
