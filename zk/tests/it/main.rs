//! Elections on a real ensemble.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod authority;
mod discovery;
mod election;
mod files;
mod four_letter;
mod learner;
mod records;
mod requests;
mod secured;
mod secured_clients;
mod workload;
