//! Mutual TLS between operator, nodes and masters.

mod client;
mod config;
mod error;
mod server;
mod source;
mod verify;

pub use client::{ClientStream, ClientTls, plain_channel};
pub use error::{TlsError, trust_problem};
pub use server::{Incoming, Peer, ServerStream, ServerTls};
