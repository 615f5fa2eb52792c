//! What operators have decided about agents. It outlives their registrations, and the master that was told.

use std::collections::BTreeMap;

use mesolith_mesos::AgentId;
use mesolith_proto::mesos::v1;

use crate::time::Time;

/// Decisions by agent; an agent about which nothing was decided has none.
pub type Decisions = BTreeMap<AgentId, Decision>;

/// What was decided about an agent. Whatever it is, nothing of the agent is offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// What runs there runs on.
    Deactivated,
    /// What runs there ends.
    Draining(Drain),
    /// It and its tasks never come back. Since when.
    Gone(Time),
}

/// How an agent is drained.
#[derive(Debug, Clone, PartialEq)]
pub struct Drain {
    /// Longest grace of a task; whether the agent is marked gone at the end.
    pub config: v1::DrainConfig,
    /// When it was asked for last.
    pub since: Time,
}

impl Drain {
    /// How far it is, by the tasks on the agent that have not ended, or whose end is not acknowledged. None: the agent is
    /// not here, so it is not known.
    #[must_use]
    pub fn state(&self, tasks: Option<usize>) -> v1::DrainState {
        if tasks == Some(0) {
            v1::DrainState::Drained
        } else {
            v1::DrainState::Draining
        }
    }

    /// As operators are shown it.
    #[must_use]
    pub fn info(&self, tasks: Option<usize>) -> v1::DrainInfo {
        v1::DrainInfo {
            state: self.state(tasks) as i32,
            config: self.config,
        }
    }
}

/// The drain of an agent, if it is drained.
#[must_use]
pub fn drain_of<'a>(decisions: &'a Decisions, agent: &AgentId) -> Option<&'a Drain> {
    match decisions.get(agent)? {
        Decision::Draining(drain) => Some(drain),
        Decision::Deactivated | Decision::Gone(_) => None,
    }
}
