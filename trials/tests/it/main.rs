//! Tests of the trials themselves, and a short run of them.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod checker;
mod parts;
mod share;
