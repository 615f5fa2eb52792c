//! The engine's process, service and command line, on real sockets; the engine behind them is scripted.
#![allow(clippy::unwrap_used)]

mod background;
mod control;
mod schema;
mod scripted;
mod verbs;
