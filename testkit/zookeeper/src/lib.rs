//! Real ZooKeeper ensembles for tests, benchmarks and fault trials: any version, started, killed, paused, on loopback.
//!
//! Everything panics with a sentence where a test cannot go on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failure is a panic"
)]

mod ensemble;

pub use ensemble::{Ensemble, Setup};
