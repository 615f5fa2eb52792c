//! The page and the JSON form of reports.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod golden;
mod page;
