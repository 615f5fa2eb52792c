//! What operators may ask for, and what that changes in the registry.

use mesolith_mesos::AgentId;
use mesolith_proto::mesos::v1;
use v1::maintenance::Schedule;

use crate::state::{Decision, Maintenance};

/// A decision of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// End what runs on an agent, and offer nothing of it.
    Drain {
        /// The agent.
        agent: AgentId,
        /// How.
        config: v1::DrainConfig,
    },
    /// Offer nothing of an agent.
    Deactivate(AgentId),
    /// Offer it again.
    Reactivate(AgentId),
    /// An agent and its tasks never come back.
    MarkGone(AgentId),
    /// Which machines are to be out of service, and when.
    UpdateSchedule(Schedule),
    /// Machines of the schedule go out of service.
    StartMaintenance(Vec<v1::MachineId>),
    /// Machines are back in service.
    StopMaintenance(Vec<v1::MachineId>),
    /// Nobody needs to know any more what was decided about an agent. The master's own.
    Forget(AgentId),
}

/// A change of the registry.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Of what was decided about an agent.
    Decision(AgentId, Option<Decision>),
    /// Of the schedule and of what is out of service.
    Maintenance(Maintenance),
}

/// A request that is answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
