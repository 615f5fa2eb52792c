//! The real master on a loopback port, with a scripted agent and scripted schedulers.
#![allow(missing_docs, unreachable_pub, deprecated, clippy::unwrap_used, clippy::panic)]

mod agent;
mod election;
mod errors;
mod maintenance;
mod master;
mod operators;
mod paths;
mod pinned;
mod reads;
mod scheduler;
mod secure;
mod story;
mod streams;
mod takeover;
