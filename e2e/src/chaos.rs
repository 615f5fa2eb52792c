//! Trials of a live migration under faults: one part is killed or paused at a chosen moment, the migration goes on to a
//! chosen phase, and back. What must hold all the time is watched, and at the end nothing may be left.

pub mod fault;
pub mod plan;
pub mod report;
pub mod trial;
pub mod watch;
