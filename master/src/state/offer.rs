//! An outstanding offer.

use mesolith_mesos::{AgentId, FrameworkId, OfferId, Resources};

use crate::time::Time;

/// Resources of one agent, offered to one role of one framework.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkId,
    /// Of which agent.
    pub agent: AgentId,
    /// In which role.
    pub role: String,
    /// What, allocated to the role.
    pub resources: Resources,
    /// When it was made.
    pub made: Time,
}
