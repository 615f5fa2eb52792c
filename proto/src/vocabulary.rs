//! Between the wire and the vocabulary of `mesolith-mesos`: master and agent need the same conversions.

mod attributes;
mod ids;
mod resources;
mod state;

pub use attributes::{attributes_from_v1, attributes_to_v1};
pub use resources::{ResourceError, resources_from_v1, resources_to_v1, resources_to_v1_with_roles};
pub use state::{state_from_v1, state_to_v1};
