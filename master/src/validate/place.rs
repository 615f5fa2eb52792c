//! Whose task it is, and where it is to run.

use mesolith_mesos::{AgentId, FrameworkId};

use crate::state::{Agent, Framework};

/// Whose task it is, and where it is to run.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The framework that launches.
    pub(crate) framework: &'a Framework,
    /// The agent whose resources are accepted.
    pub(crate) agent: &'a Agent,
}

impl Place<'_> {
    pub(super) fn framework_id(&self) -> &FrameworkId {
        &self.framework.id
    }

    pub(super) fn agent_id(&self) -> &AgentId {
        &self.agent.id
    }
}
