//! What a framework has accepted with one call.

use mesolith_mesos::{AgentId, Resources};

/// The offers of one call, together.
pub(crate) struct Accepted {
    /// The agent that has the resources.
    pub(crate) agent: AgentId,
    /// The role that they are offered to.
    pub(crate) role: String,
    /// The resources that are left, allocated to the role.
    pub(crate) left: Resources,
}
