//! One instance of an app as planning sees it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{app::HealthCheck, ids::TaskId, offer::Agent};

/// Where an instance is in its life. Terminal ones are no longer instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Accepted by us, or by the agent, and not started yet.
    Staging,
    /// The container is being started.
    Starting,
    /// Runs.
    Running,
    /// Was told to stop.
    Killing,
    /// Its agent is out of reach; the task may still run.
    Unreachable,
}

/// What the health checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// No check has answered yet.
    Unknown,
    /// Every check is alive.
    Healthy,
    /// A check failed.
    Unhealthy,
}

/// A task of an app that is not terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The Mesos task.
    pub task: TaskId,
    /// Fingerprint of the definition it was launched from.
    pub version: String,
    /// Where it is in its life.
    pub state: State,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// When it was launched.
    pub staged: Timestamp,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// Health as of the latest results.
    pub health: Health,
    /// A kill was sent (state may lag behind).
    pub kill_sent: Option<Timestamp>,
    /// Where it runs.
    pub agent: Agent,
    /// Host ports, in the order of the definition.
    pub host_ports: Vec<u16>,
    /// The health checks of the definition it was launched from. They are its own until it ends, whatever the app's
    /// definition has become.
    pub checks: Arc<[HealthCheck]>,
}

impl Instance {
    /// Neither stopping nor out of reach.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.kill_sent.is_none() && !matches!(self.state, State::Killing | State::Unreachable)
    }

    /// On its way out.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.kill_sent.is_some() || self.state == State::Killing
    }

    /// Running, and its checks say that it is healthy. An instance without checks is healthy when it runs.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.serves() && (self.health == Health::Healthy || self.checks.is_empty())
    }

    /// Running, and no check has failed. A check that has not answered yet does not count against it.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.state == State::Running && !self.is_stopping() && self.health != Health::Unhealthy
    }
}
