//! Phase 1: the new ensemble runs, the sync engine fills it and keeps it equal.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::form::{all_serve, caught_up, current, none_left, shape, start_engine, until};
use super::judge::Judge;
use super::paths::unknown;
use super::{Effect, Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, Writes};
use mesolith_crds::v1alpha1::zk_migration::{Direction, Waiting};

pub(super) struct DeployZk;

impl PhaseLogic for DeployZk {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        let mut waits = world.preflight.clone();
        waits.extend(unknown(world));
        if let Some(form) = &world.form
            && form.uid != goal.uid
        {
            waits.push(wait(
                Reason::ClusterMoves,
                format!(
                    "ZkMigration {} moves this cluster already; finish it or roll it back first",
                    form.migration
                ),
            ));
        }
        waits
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match direction {
            Direction::Forward => steps![
                shape(goal, world, |form| {
                    form.target_parts.zookeeper = goal.target.zookeeper.nodes.is_some();
                }),
                servers(world),
                start_engine(goal, world, Writes::Source),
                caught_up(world),
            ],
            Direction::Back if world.form.is_none() => Next::Nothing,
            Direction::Back => steps![
                shape(goal, world, |form| form.sync = None),
                no_engines(world),
                shape(goal, world, |form| form.target_parts.zookeeper = false),
                none_left(world, ClusterSide::Target, ComponentKind::ZooKeeper),
                Next::Do(Effect::Unshape),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        match direction {
            Direction::Back => Ok(Evidence::default()),
            Direction::Forward => {
                let sides = world.sides().map_err(|waiting| vec![waiting])?;
                let zookeeper = &sides.target.zookeeper;
                Judge::default()
                    .quorum(zookeeper)
                    .signed("subtrees", current(goal, world).paths.join(" "))
                    .in_sync(goal, world)
                    .verdict()
            }
        }
    }
}

/// Every server of ensemble B serves.
fn servers(world: &World) -> Next {
    all_serve(world, ClusterSide::Target, ComponentKind::ZooKeeper)
}

/// No engine is left on any node.
pub(super) fn no_engines(world: &World) -> Next {
    until(
        world,
        Reason::WaitingForRemoval,
        |sides| sides.target.engines_left == 0,
        |sides| format!("{} sync engines are being stopped", sides.target.engines_left),
    )
}
