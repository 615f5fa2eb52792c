//! The Marathon scheduler: framework `marathon` of one MesosCluster.
//!
//! ```text
//! reconcile ──Desired──► actor ──decide (pure)──► effects ──► calls to the leading master
//!                          ▲ events, probe results, time        │
//!            views ◄───────┴── model (tasks, offers, apps) ◄────┘
//! ```
//!
//! The actor is a task of its own that outlives reconciles and terms of leadership: with the Kubernetes API down it
//! goes on with the last known definitions and starts failed tasks again. Two operators cannot both schedule: the
//! master keeps one stream for each framework id, and the operator that loses it goes quiet until it is told to resume.

mod actor;
mod calls;
mod checks;
mod decide;
mod events;
mod model;
mod probe;
mod recordio;
mod recover;
mod session;
pub(crate) mod view;
mod wire;

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod simulation;

pub(crate) use actor::{Scheduler, Settings};
pub(crate) use model::{AppKey, Desired, LastFailure, Remembered};
pub(crate) use view::{AppView, Link, Strays};
