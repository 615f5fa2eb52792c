//! An outstanding offer.

use mesolith_mesos::{AgentId, FrameworkId, OfferId, Resources};

use crate::time::Time;

/// Resources of one agent, offered to one role of one framework.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The framework that it is made to.
    pub framework: FrameworkId,
    /// The agent that has the resources.
    pub agent: AgentId,
    /// The framework's role.
    pub role: String,
    /// The resources, allocated to the role.
    pub resources: Resources,
    /// When it was made.
    pub made: Time,
}
