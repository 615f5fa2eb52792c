//! Decides which framework is offered what: dominant resource fairness over roles, then over a role's frameworks.
//!
//! A pure function of a picture of the cluster. Each agent's free resources go to the first role, in order of its
//! dominant share, with a framework that has no filter against them; the shares are counted again after each grant.

mod drf;
mod filters;

use std::collections::BTreeMap;

use mesolith_mesos::{AgentId, FrameworkId, Resources, Scalar};

pub use drf::Shares;
pub use filters::Filters;

use crate::state::{Config, Quantities, State, is_enough};
use crate::time::Time;

/// A framework as the allocator sees it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its id.
    pub id: FrameworkId,
    /// Roles in which it wants offers.
    pub roles: Vec<String>,
    /// Whether it takes agents with GPUs.
    pub gpus: bool,
    /// The least that it takes in a role, where that is not the master's own limit.
    pub least: BTreeMap<String, Vec<Quantities>>,
}

impl Candidate {
    fn takes(&self, config: &Config, role: &str, resources: &Resources) -> bool {
        match self.least.get(role) {
            Some(least) => is_enough(resources, least),
            None => config.is_allocatable(resources),
        }
    }
}

/// An agent as the allocator sees it.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Its id.
    pub id: AgentId,
    /// What is free on it.
    pub free: Resources,
    /// Whether it has GPUs at all.
    pub gpus: bool,
}

/// The input of one run.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// Agents that can be offered.
    pub pools: Vec<Pool>,
    /// Frameworks that can be sent offers.
    pub candidates: Vec<Candidate>,
    /// All that the cluster has, by name.
    pub total: BTreeMap<String, Scalar>,
    /// What each framework has or is offered, by role.
    pub held: Vec<(FrameworkId, String, BTreeMap<String, Scalar>)>,
}

/// Resources of one agent for one role of one framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The framework that gets them.
    pub framework: FrameworkId,
    /// Its role.
    pub role: String,
    /// The agent that has them.
    pub agent: AgentId,
    /// The resources, not yet marked as allocated.
    pub resources: Resources,
}

/// Makes one run and returns what it grants.
#[must_use]
pub fn allocate(config: &Config, picture: &Picture, filters: &Filters, now: Time) -> Vec<Grant> {
    let mut shares = Shares::new(&picture.total, &config.weights);
    for (framework, role, amounts) in &picture.held {
        shares.add(framework, role, amounts);
    }
    let mut grants = Vec::new();
    for pool in &picture.pools {
        let mut free = pool.free.clone();
        // Another role may take what the first could not, such as its own reservations.
        while let Some(grant) = next_grant(config, picture, filters, now, &shares, pool, &free) {
            shares.add(&grant.framework, &grant.role, &grant.resources.scalars());
            free = free.saturating_sub(&grant.resources);
            grants.push(grant);
        }
    }
    grants
}

fn next_grant(
    config: &Config,
    picture: &Picture,
    filters: &Filters,
    now: Time,
    shares: &Shares,
    pool: &Pool,
    free: &Resources,
) -> Option<Grant> {
    // The quick way out: most agents are full, and most frameworks leave it to the master what is worth an offer.
    let picky = picture.candidates.iter().any(|c| !c.least.is_empty());
    if free.is_empty() || !(picky || config.is_allocatable(free)) {
        return None;
    }
    let hidden = |c: &Candidate| config.filter_gpu_resources && pool.gpus && !c.gpus;
    let mut pairs: Vec<_> = picture
        .candidates
        .iter()
        .filter(|c| !hidden(c))
        .flat_map(|c| {
            c.roles
                .iter()
                .map(move |role| (shares.order(&c.id, role), c, role))
        })
        .collect();
    pairs.sort_by(|a, b| {
        a.0.total_cmp(&b.0)
            .then_with(|| (a.2, &a.1.id).cmp(&(b.2, &b.1.id)))
    });
    pairs.into_iter().find_map(|(_, candidate, role)| {
        let (framework, resources) = (&candidate.id, free.allocatable_to(role));
        let wanted = candidate.takes(config, role, &resources)
            && !filters.refuse(framework, role, &pool.id, &resources, now);
        wanted.then(|| Grant {
            framework: framework.clone(),
            role: role.clone(),
            agent: pool.id.clone(),
            resources,
        })
    })
}

impl State {
    /// The picture of now.
    #[must_use]
    pub fn picture(&self) -> Picture {
        let active = self
            .agents
            .values()
            .filter(|a| a.is_connected() && !self.decisions.contains_key(&a.id));
        let pools: Vec<_> = active
            .map(|a| Pool {
                id: a.id.clone(),
                free: a.free(),
                gpus: a.total.gpus() > 0.0,
            })
            .collect();
        let gpu = mesolith_proto::mesos::v1::framework_info::capability::Type::GpuResources;
        let candidates = self
            .frameworks
            .values()
            .filter(|f| f.is_connected())
            .map(|f| Candidate {
                id: f.id.clone(),
                roles: f
                    .roles()
                    .into_iter()
                    .filter(|role| !f.suppressed.contains(role))
                    .collect(),
                gpus: f.can(gpu),
                least: f.least(),
            });
        let all: Resources = self.agents.values().map(|a| &a.total).sum();
        let mut held = Vec::new();
        for agent in self.agents.values() {
            for (framework, used) in &agent.used {
                held.extend(
                    used.allocations()
                        .into_iter()
                        .map(|(role, r)| (framework.clone(), role, r.scalars())),
                );
            }
        }
        let offered = self
            .offers
            .values()
            .map(|o| (o.framework.clone(), o.role.clone(), o.resources.scalars()));
        held.extend(offered);
        Picture {
            pools,
            candidates: candidates.collect(),
            total: all.scalars(),
            held,
        }
    }
}
