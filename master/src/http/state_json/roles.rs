//! `/roles`.

use std::collections::BTreeMap;

use mesolith_mesos::Resources;
use serde_json::{Map, Value, json};

use crate::state::Snapshot;

/// A role with everything that is in it.
#[derive(Debug, Default)]
pub(crate) struct RoleView {
    pub(crate) name: String,
    pub(crate) weight: f64,
    pub(crate) frameworks: Vec<String>,
    pub(crate) allocated: Resources,
    pub(crate) offered: Resources,
    pub(crate) reserved: Resources,
}

/// Roles that have a framework, a weight, or resources reserved for them.
pub(crate) fn role_views(snapshot: &Snapshot) -> Vec<RoleView> {
    let mut views: BTreeMap<String, RoleView> = BTreeMap::new();
    for framework in snapshot.frameworks.values() {
        for role in framework.roles() {
            views
                .entry(role)
                .or_default()
                .frameworks
                .push(framework.id.to_string());
        }
    }
    for role in snapshot.config.weights.keys() {
        views.entry(role.clone()).or_default();
    }
    for agent in snapshot.agents.values() {
        for (role, resources) in agent.used_total().allocations() {
            views.entry(role).or_default().allocated += &resources;
        }
        for (role, resources) in agent.offered.allocations() {
            views.entry(role).or_default().offered += &resources;
        }
        for (role, resources) in agent.total.reserved() {
            views.entry(role).or_default().reserved += &resources;
        }
    }
    let finish = |(name, view): (String, RoleView)| {
        let weight = snapshot.config.weights.get(&name).copied().unwrap_or(1.0);
        RoleView { name, weight, ..view }
    };
    views.into_iter().map(finish).collect()
}

/// `/roles`.
pub(crate) fn roles(snapshot: &Snapshot) -> Value {
    let show = |role: RoleView| {
        let allocated = scalars(&role.allocated);
        json!({
            "name": role.name,
            "weight": role.weight,
            "quota": {"role": role.name, "guarantee": {}, "limit": {}, "consumed": allocated},
            "resources": allocated,
            "allocated": allocated,
            "offered": scalars(&role.offered),
            "reserved": scalars(&role.reserved),
            "frameworks": role.frameworks,
        })
    };
    json!({ "roles": role_views(snapshot).into_iter().map(show).collect::<Vec<_>>() })
}

fn scalars(resources: &Resources) -> Map<String, Value> {
    resources
        .scalars()
        .into_iter()
        .map(|(name, amount)| (name, json!(amount.as_f64())))
        .collect()
}
