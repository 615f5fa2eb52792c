//! The wire against recordings of Apache Mesos 1.11.0 (`tests/golden`).
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod golden_json;
mod golden_protobuf;
mod json_rules;
mod recordio;
mod vocabulary;
