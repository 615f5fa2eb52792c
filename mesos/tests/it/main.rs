//! Resource arithmetic seen from outside: tables for what must read exactly so, properties for the rest.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod resources_properties;
mod resources_table;
