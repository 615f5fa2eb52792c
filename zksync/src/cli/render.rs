//! What people see, as plain functions from data to text.

mod number;
mod report;
mod status;

pub(super) use report::{conflicts, differences, metrics, settings};
pub(super) use status::{in_sync, incomplete, progress, side, status, status_line};
