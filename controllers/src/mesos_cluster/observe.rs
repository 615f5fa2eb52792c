//! Observes the world: every node that is wanted or recorded, as it was last seen. Nothing here waits for a node.

use super::context::Context;
use super::model::{Desired, World};
use super::sides::Sides;
use super::{drain, leader, tell};
use crate::nodes::{Dial, Owner};
use mesolith_crds::v1alpha1::MesosClusterStatus;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and addresses of the nodes to follow: those with a role, and those that may still hold something.
pub(crate) fn to_follow(
    sides: &Sides,
    before: &MesosClusterStatus,
    desired: &Desired,
) -> BTreeMap<String, String> {
    let mut nodes = before.managed_nodes.clone();
    // The address in the spec wins: a node with another address is still the same node.
    for (name, node) in sides.nodes() {
        if nodes.contains_key(&name) || desired.contains_key(&name) {
            nodes.insert(name, node.address);
        }
    }
    nodes
}

/// The world as it was last seen.
pub(crate) async fn observe(
    cx: &Context,
    owner: &Owner,
    sides: &Sides,
    before: &MesosClusterStatus,
    desired: &Desired,
    dial: &Arc<Dial>,
) -> World {
    let nodes = cx.nodes.follow(owner, &to_follow(sides, before, desired), dial);
    let mut world = World {
        nodes,
        ..World::default()
    };
    // Only while agents leave: then every look costs the master three answers.
    let form = before.form.as_ref();
    let moves = form.is_some_and(|form| form.agent_drain.is_some());
    if (moves || !before.draining_agents.is_empty())
        && let Some(master) = leader::address(&world, sides)
        && let Some(told) = tell::look(&cx.http, master).await
    {
        world.tasks_on = drain::tasks_on(&before.draining_agents, desired, &world, &told);
        world.told = Some(told);
    }
    world
}
