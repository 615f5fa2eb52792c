//! Marathon semantics: app definitions, constraints, placement, back-off. No IO.
//!
//! Everything here is a plain function over data; the scheduler of the operator feeds it with offers, task
//! updates and the time, and carries out what it answers.
//!
//! ```text
//! JSON ──app──► App ──plan──► kills, launches wanted ──placement──► Placement ──task──► TaskSpec
//!                      ▲ instance, health, backoff          ▲ offer, ports, constraint
//! ```

pub mod app;
pub mod backoff;
pub mod constraint;
pub mod environment;
pub mod health;
pub mod ids;
pub mod instance;
pub mod offer;
pub mod path;
pub mod placement;
pub mod plan;
pub mod ports;
pub mod replace;
pub mod scale;
pub mod shortage;
pub mod task;

pub use app::{App, AppDefinition, Violation};
pub use ids::{InstanceId, TaskId};
pub use instance::Instance;
pub use path::AppId;
