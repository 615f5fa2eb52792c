//! Whether what a scheduler sends makes sense. Messages are Mesos' own: clients and people match on them.
//!
//! Everything here is a plain function over data. The order of the checks is Mesos', because the first problem is the one
//! that is told. What a machine cannot do is not checked here: its agent says so.

mod call;
mod check;
mod command;
mod container;
mod executor;
mod framework;
mod resources;
mod task;

pub use call::call;
pub(crate) use check::infer_type;
pub(crate) use framework::{changed_principal, framework_info, unsupported_update};
pub(crate) use resources::well_formed;
pub(crate) use task::{Place, group, task};
