//! What frameworks do not want to be offered again for a while.
//!
//! A filter holds for one role of a framework and one agent. It stops offers that are part of what was refused: when
//! more is free on the agent, the framework is offered it.

use std::collections::BTreeMap;

use mesolith_mesos::{AgentId, FrameworkId, Resources};

use crate::time::Time;

#[derive(Debug, Clone)]
struct Filter {
    refused: Resources,
    until: Time,
}

/// Filters of all frameworks.
#[derive(Debug, Clone, Default)]
pub struct Filters(BTreeMap<(FrameworkId, String), BTreeMap<AgentId, Vec<Filter>>>);

impl Filters {
    /// Remembers a refusal.
    pub fn add(
        &mut self,
        framework: &FrameworkId,
        role: &str,
        agent: &AgentId,
        refused: &Resources,
        until: Time,
    ) {
        let key = (framework.clone(), role.to_owned());
        let of_agent = self.0.entry(key).or_default().entry(agent.clone()).or_default();
        of_agent.push(Filter {
            refused: refused.unallocate(),
            until,
        });
    }

    /// Whether an offer would go against a refusal.
    #[must_use]
    pub fn refuse(
        &self,
        framework: &FrameworkId,
        role: &str,
        agent: &AgentId,
        offered: &Resources,
        now: Time,
    ) -> bool {
        let of_role = self.0.get(&(framework.clone(), role.to_owned()));
        let Some(of_agent) = of_role.and_then(|agents| agents.get(agent)) else {
            return false;
        };
        of_agent
            .iter()
            .any(|filter| now < filter.until && filter.refused.contains(offered))
    }

    /// A framework wants all offers again, in these roles.
    pub fn clear(&mut self, framework: &FrameworkId, roles: &[String]) {
        self.0
            .retain(|(id, role), _| id != framework || !roles.contains(role));
    }

    /// A framework is gone.
    pub fn forget_framework(&mut self, framework: &FrameworkId) {
        self.0.retain(|(id, _), _| id != framework);
    }

    /// An agent is gone.
    pub fn forget_agent(&mut self, agent: &AgentId) {
        for agents in self.0.values_mut() {
            agents.remove(agent);
        }
    }

    /// Drops filters whose time is over.
    pub fn expire(&mut self, now: Time) {
        for agents in self.0.values_mut() {
            agents
                .values_mut()
                .for_each(|filters| filters.retain(|f| now < f.until));
            agents.retain(|_, filters| !filters.is_empty());
        }
        self.0.retain(|_, agents| !agents.is_empty());
    }
}
