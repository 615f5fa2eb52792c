//! The report of a migration: [`Report`] is everything that it says, [`Report::markdown`] makes one page that can be
//! signed, [`Report::json`] the same for programs. Pure: who gathers the facts is the caller.

mod cell;
mod data;
mod markdown;

pub use data::{
    Approval, Check, CheckResult, Direction, Issue, Lag, Measure, Outcome, Phase, PhaseState, Report, Side,
    Sync, Tasks,
};
