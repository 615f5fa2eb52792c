//! What readers see: a consistent picture that never changes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesolith_mesos::{AgentId, FrameworkId, OfferId, TaskState};

use super::{Agent, Config, Decisions, Framework, InverseOffers, Maintenance, Offer, State};
use crate::time::Time;

/// Numbers that only grow.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Offers made.
    pub offers_sent: u64,
    /// Offers declined.
    pub offers_declined: u64,
    /// Offers accepted.
    pub offers_accepted: u64,
    /// Offers withdrawn.
    pub offers_rescinded: u64,
    /// Allocation runs.
    pub allocation_runs: u64,
    /// Tasks that ended, by state name.
    pub tasks_ended: BTreeMap<&'static str, u64>,
    /// Calls of schedulers, by name.
    pub calls: BTreeMap<&'static str, u64>,
    /// Status updates from agents.
    pub status_updates: u64,
    /// Acknowledgements of status updates by frameworks.
    pub acknowledgements: u64,
    /// First registrations of agents.
    pub agent_registrations: u64,
    /// Later registrations of agents.
    pub agent_reregistrations: u64,
    /// Agents that became unreachable.
    pub agents_unreachable: u64,
    /// Agents removed.
    pub agent_removals: u64,
}

impl Counters {
    /// A task ended.
    pub fn ended(&mut self, state: TaskState) {
        *self.tasks_ended.entry(state.as_str()).or_default() += 1;
    }
}

/// A picture of the cluster.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Settings.
    pub config: Arc<Config>,
    /// When this master was elected.
    pub elected: Option<Time>,
    /// Frameworks.
    pub frameworks: BTreeMap<FrameworkId, Arc<Framework>>,
    /// Ended frameworks.
    pub completed: VecDeque<Arc<Framework>>,
    /// Agents.
    pub agents: BTreeMap<AgentId, Arc<Agent>>,
    /// What operators have decided about agents.
    pub decisions: Arc<Decisions>,
    /// Machines that are to be out of service.
    pub maintenance: Arc<Maintenance>,
    /// Frameworks that were asked to leave such machines.
    pub inverse: Arc<InverseOffers>,
    /// How many agents are unreachable.
    pub unreachable: usize,
    /// Offers.
    pub offers: BTreeMap<OfferId, Arc<Offer>>,
    /// Metrics.
    pub counters: Counters,
}

impl Snapshot {
    /// Whether something of an agent may be offered.
    #[must_use]
    pub fn is_active(&self, agent: &Agent) -> bool {
        agent.is_connected() && !self.decisions.contains_key(&agent.id)
    }
}

impl State {
    /// A picture of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            config: self.config.clone(),
            elected: self.elected,
            frameworks: self.frameworks.clone(),
            completed: self.completed.clone(),
            agents: self.agents.clone(),
            decisions: self.decisions.clone(),
            maintenance: self.maintenance.clone(),
            inverse: self.inverse.clone(),
            unreachable: self.unreachable.len(),
            offers: self.offers.clone(),
            counters: self.counters.clone(),
        }
    }
}
