//! Mesos vocabulary: ids, resource arithmetic, attributes, task states, the paths of its HTTP endpoints. No IO.
//!
//! The same words are needed by master, agent and scheduler, so this crate knows no wire format: conversions to and
//! from `mesos.v1` messages live with the messages, in `mesolith-proto`.

mod attributes;
mod bytes;
mod double;
mod duration;
mod http_path;
mod ids;
mod launch_problem;
mod number;
mod ranges;
mod resource;
mod resources;
mod role;
mod scalar;
mod task_state;
mod value;
mod value_error;

pub use attributes::{AttributeError, Attributes};
pub use bytes::{BytesError, parse_bytes};
pub use double::format_double;
pub use duration::{DurationError, format_duration, parse_duration};
pub use http_path::HttpPaths;
pub use ids::{
    AgentId, ContainerId, ExecutorId, FrameworkId, InvalidId, MasterId, OfferId, OperationId, TaskId,
    validate_id,
};
pub use launch_problem::LaunchProblem;
pub use number::parse_whole;
pub use ranges::{Range, Ranges, RangesError};
pub use resource::{Reservation, ReservationKind, Resource};
pub use resources::{Insufficient, Resources, ResourcesError};
pub use role::{DEFAULT_ROLE, RoleError, is_same_or_ancestor, validate_role};
pub use scalar::Scalar;
pub use task_state::{TaskState, UnknownTaskState};
pub use value::Value;
pub use value_error::ValueError;
