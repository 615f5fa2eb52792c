//! Certificates and TLS on real sockets.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod authority;
mod refusals;
mod rotation;
mod world;
