//! The whole state of a leading master. One writer; readers get a [`Snapshot`].
//!
//! Frameworks, agents, offers and tasks are behind `Arc`, so that a snapshot costs one pointer each and a change
//! copies only what it touches.

mod agent;
mod config;
mod decision;
mod framework;
mod inverse;
mod maintenance;
mod offer;
mod pending;
mod snapshot;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mesolith_mesos::{AgentId, FrameworkId, MasterId, OfferId, Resources, TaskId, TaskState};

pub use agent::{Agent, Executor};
pub use config::{Config, Quantities, is_enough};
pub use decision::{Decision, Decisions, Drain, drain_of};
pub use framework::Framework;
pub use inverse::{InverseAnswer, InverseOffer, InverseOffers};
pub use maintenance::{Machine, Maintenance};
pub use offer::Offer;
pub use pending::Pending;
pub(crate) use pending::Request;
pub use snapshot::{Counters, Snapshot};
pub use task::Task;

use crate::allocator::Filters;
use crate::input::{SessionId, StreamId};
use crate::time::Time;

/// Everything the master knows.
#[derive(Debug, Clone)]
pub struct State {
    /// What does not change while the master runs.
    pub config: Arc<Config>,
    /// When it was elected.
    pub elected: Option<Time>,
    /// Frameworks that are subscribed, may come back, or are known from their tasks only.
    pub frameworks: BTreeMap<FrameworkId, Arc<Framework>>,
    /// Frameworks that ended, oldest first, bounded.
    pub completed: VecDeque<Arc<Framework>>,
    /// Registered agents, connected or not.
    pub agents: BTreeMap<AgentId, Arc<Agent>>,
    /// Agents that went silent, and when.
    pub unreachable: BTreeMap<AgentId, Time>,
    /// Agents that left for good: refused if they come back.
    pub left: BTreeMap<AgentId, Time>,
    /// What operators have decided about agents, as the registry has it.
    pub decisions: Arc<Decisions>,
    /// Machines that are to be out of service, as the registry has it.
    pub maintenance: Arc<Maintenance>,
    /// Frameworks that were asked to leave such machines.
    pub inverse: Arc<InverseOffers>,
    /// What operators want and the registry does not have yet.
    pub pending: Pending,
    /// Outdecision offers.
    pub offers: BTreeMap<OfferId, Arc<Offer>>,
    /// Which framework a stream belongs to.
    pub streams: BTreeMap<StreamId, FrameworkId>,
    /// Which agent a connection belongs to.
    pub sessions: BTreeMap<SessionId, AgentId>,
    /// What frameworks do not want to be offered.
    pub filters: Filters,
    /// When resources are handed out next.
    pub next_allocation: Time,
    /// When timers were checked last.
    pub last_tick: Option<Time>,
    /// What happened so far, for metrics.
    pub counters: Counters,
    next_framework: u64,
    next_agent: u64,
    next_offer: u64,
}

impl State {
    /// An empty cluster.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            elected: None,
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            agents: BTreeMap::new(),
            unreachable: BTreeMap::new(),
            left: BTreeMap::new(),
            decisions: Arc::default(),
            maintenance: Arc::default(),
            inverse: Arc::default(),
            pending: Pending::default(),
            offers: BTreeMap::new(),
            streams: BTreeMap::new(),
            sessions: BTreeMap::new(),
            filters: Filters::default(),
            next_allocation: Time::default(),
            last_tick: None,
            counters: Counters::default(),
            next_framework: 0,
            next_agent: 0,
            next_offer: 0,
        }
    }

    fn master_id(&self) -> MasterId {
        MasterId::from(self.config.master.id.as_str())
    }

    /// A framework id that was never used.
    pub fn new_framework_id(&mut self) -> FrameworkId {
        let id = self.master_id().framework(self.next_framework);
        self.next_framework += 1;
        id
    }

    /// An agent id that was never used.
    pub fn new_agent_id(&mut self) -> AgentId {
        let id = self.master_id().agent(self.next_agent);
        self.next_agent += 1;
        id
    }

    /// An offer id that was never used.
    pub fn new_offer_id(&mut self) -> OfferId {
        let id = self.master_id().offer(self.next_offer);
        self.next_offer += 1;
        id
    }

    /// Whether this master made the id, so that it must know whose it is.
    #[must_use]
    pub fn is_ours(&self, id: &str) -> bool {
        id.strip_prefix(self.config.master.id.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    }

    /// A framework to change.
    pub fn framework_mut(&mut self, id: &str) -> Option<&mut Framework> {
        self.frameworks.get_mut(id).map(Arc::make_mut)
    }

    /// Inverse offers to change.
    pub fn inverse_mut(&mut self) -> &mut InverseOffers {
        Arc::make_mut(&mut self.inverse)
    }

    /// An agent to change.
    pub fn agent_mut(&mut self, id: &str) -> Option<&mut Agent> {
        self.agents.get_mut(id).map(Arc::make_mut)
    }

    /// A task that is not completed.
    #[must_use]
    pub fn task(&self, framework: &str, task: &str) -> Option<&Arc<Task>> {
        self.frameworks.get(framework)?.tasks.get(task)
    }

    /// Takes an offer back; its resources are free again.
    pub fn take_offer(&mut self, id: &str) -> Option<Arc<Offer>> {
        let offer = self.offers.remove(id)?;
        if let Some(agent) = self.agent_mut(offer.agent.as_str()) {
            agent.offered = agent.offered.saturating_sub(&offer.resources);
            agent.offers.remove(id);
        }
        if let Some(framework) = self.framework_mut(offer.framework.as_str()) {
            framework.offers.remove(id);
        }
        Some(offer)
    }

    /// Hands out an offer.
    pub fn put_offer(&mut self, offer: Offer) {
        if let Some(agent) = self.agent_mut(offer.agent.as_str()) {
            agent.offered += &offer.resources;
            agent.offers.insert(offer.id.clone());
        }
        if let Some(framework) = self.framework_mut(offer.framework.as_str()) {
            framework.offers.insert(offer.id.clone());
        }
        self.counters.offers_sent += 1;
        self.offers.insert(offer.id.clone(), Arc::new(offer));
    }

    /// Adds a task to its framework and agent, and charges its resources unless it has ended.
    pub fn put_task(&mut self, task: Task) {
        let (framework, agent, id) = (task.framework(), task.agent(), task.id());
        let alive = !task.state().is_terminal();
        if alive {
            self.charge(&agent, &framework, &task.resources);
        }
        if let Some(agent) = self.agent_mut(agent.as_str()) {
            agent.alive += usize::from(alive);
            agent.tasks.insert((framework.clone(), id.clone()));
        }
        if let Some(framework) = self.framework_mut(framework.as_str()) {
            framework.unreachable_tasks.remove(&id);
            framework.tasks.insert(id, Arc::new(task));
        }
    }

    /// Takes a task away from framework and agent, and its resources if it still has them.
    pub fn take_task(&mut self, framework: &str, id: &str) -> Option<Task> {
        let task = self.framework_mut(framework)?.tasks.remove(id)?;
        let agent = task.agent();
        let alive = !task.state().is_terminal();
        if alive {
            self.release(&agent, &FrameworkId::from(framework), &task.resources);
        }
        if let Some(agent) = self.agent_mut(agent.as_str()) {
            agent.alive -= usize::from(alive);
            agent
                .tasks
                .remove(&(FrameworkId::from(framework), TaskId::from(id)));
        }
        Some(Arc::unwrap_or_clone(task))
    }

    /// Moves a task to a state; its resources are free when that is its end. `false` if there is no such task.
    pub fn move_task(
        &mut self,
        framework: &str,
        id: &str,
        state: TaskState,
        change: impl FnOnce(&mut Task),
    ) -> bool {
        let Some(task) = self.framework_mut(framework).and_then(|f| f.tasks.get_mut(id)) else {
            return false;
        };
        let task = Arc::make_mut(task);
        let ended = state.is_terminal() && !task.state().is_terminal();
        // An end is final: a late update must not bring resources back.
        if !task.state().is_terminal() {
            task.set_state(state);
        }
        change(task);
        if ended {
            let (agent, resources) = (task.agent(), task.resources.clone());
            self.release(&agent, &FrameworkId::from(framework), &resources);
            if let Some(agent) = self.agent_mut(agent.as_str()) {
                agent.alive -= 1;
            }
            self.counters.ended(state);
        }
        true
    }

    /// Resources of an agent are now used by a framework.
    pub fn charge(&mut self, agent: &AgentId, framework: &FrameworkId, resources: &Resources) {
        if let Some(agent) = self.agent_mut(agent.as_str()) {
            *agent.used.entry(framework.clone()).or_default() += resources;
        }
    }

    /// Resources of an agent are not used by a framework any more.
    pub fn release(&mut self, agent: &AgentId, framework: &FrameworkId, resources: &Resources) {
        let Some(agent) = self.agent_mut(agent.as_str()) else {
            return;
        };
        if let Some(used) = agent.used.get_mut(framework) {
            *used = used.saturating_sub(resources);
            if used.is_empty() {
                agent.used.remove(framework);
            }
        }
    }
}
