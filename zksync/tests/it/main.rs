//! The engine's parts on real ensembles and real sockets; where a process or a service is tried, a scripted engine is behind it.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod background;
mod client_side;
#[allow(dead_code, reason = "shared with the tests of telemetry")]
#[path = "../../../telemetry/tests/it/collector.rs"]
mod collector;
mod control;
mod counters;
mod diff;
mod less;
mod observer;
mod opening;
mod options;
mod preflight;
mod refused;
mod schema;
mod scripted;
mod seed;
mod torn;
mod traces;
mod verbs;
