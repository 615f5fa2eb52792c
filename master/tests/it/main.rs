//! The real master on a loopback port, with a scripted agent and scripted schedulers.
#![allow(missing_docs, unreachable_pub, deprecated, clippy::unwrap_used, clippy::panic)]

mod agent;
mod election;
#[path = "../../../zk/tests/it/ensemble.rs"]
#[allow(dead_code)]
mod ensemble;
mod errors;
mod master;
mod reads;
mod scheduler;
mod secure;
mod story;
mod streams;
