//! Whether what a scheduler sends makes sense. Messages are Mesos' own: clients and people match on them.
//!
//! Everything here is a plain function over data. The order of the checks is Mesos', because only the first problem is
//! told. Whether a machine can do what is asked is not checked here: its agent refuses what it cannot do.

mod call;
mod check;
mod command;
mod container;
mod executor;
mod framework;
mod place;
mod resources;
mod task;

pub use call::call;
pub(crate) use check::infer_type;
pub(crate) use framework::{changed_principal, framework_info, unsupported_update};
pub(crate) use place::Place;
pub(crate) use resources::well_formed;
pub(crate) use task::{group, task};
