//! The program itself, as a person calls it, on real parts.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod audit;
mod component;
mod document;
#[cfg(feature = "kerberos")]
mod kerberos;
mod leadership;
mod migration;
mod node;
mod sync;
