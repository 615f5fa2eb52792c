//! The harness against itself, and a short seeded share of the trials.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod checker;
mod parts;
mod share;
