//! The engine's parts on real ensembles.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod diff;
mod observer;
mod preflight;
mod seed;
