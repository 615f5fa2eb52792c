//! What a process shows, seen from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod collector;
mod http;
mod logs;
mod traces;
