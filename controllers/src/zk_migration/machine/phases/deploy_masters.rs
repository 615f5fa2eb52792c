//! Phase 2: masters of cluster B join the one election group, seen from both ensembles, and may not lead.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::form::{all_serve, none_left, shape, switch, until};
use super::judge::Judge;
use super::{Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, Writes};
use mesolith_crds::v1alpha1::zk_migration::{Direction, Waiting};

pub(super) struct DeployMasters;

impl PhaseLogic for DeployMasters {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        Judge::default().in_sync(goal, world).waits()
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match direction {
            Direction::Forward => steps![
                // Registrations of both sides are distinct nodes, so both may write them.
                switch(goal, world, Writes::Both, Writes::Source),
                shape(goal, world, |form| {
                    form.leads = ClusterSide::Source;
                    form.target_parts.masters = true;
                }),
                all_serve(world, ClusterSide::Target, ComponentKind::Master),
                pinned(world, ClusterSide::Target),
            ],
            Direction::Back => steps![
                shape(goal, world, |form| form.target_parts.masters = false),
                none_left(world, ClusterSide::Target, ComponentKind::Master),
                switch(goal, world, Writes::Source, Writes::Source),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        if direction == Direction::Back {
            return Judge::default()
                .led_by(ClusterSide::Source, goal, world)
                .verdict();
        }
        let sides = world.sides().map_err(|waiting| vec![waiting])?;
        let all = usize::try_from(sides.source.masters.desired + sides.target.masters.desired).unwrap_or(0);
        Judge::default()
            .fact(
                world.contenders == Some([all, all]),
                "contenders",
                format!("{all} seen from both ensembles"),
                || group(world, all),
            )
            .led_by(ClusterSide::Source, goal, world)
            .frameworks(world)
            .in_sync(goal, world)
            .verdict()
    }
}

/// Every master of that side says itself that it may not lead.
pub(super) fn pinned(world: &World, side: ClusterSide) -> Next {
    let counts = |sides: &super::super::world::SeenSides| match side {
        ClusterSide::Source => (sides.source.pinned, sides.source.masters.desired),
        ClusterSide::Target => (sides.target.pinned, sides.target.masters.desired),
    };
    until(
        world,
        Reason::WaitingForPin,
        |sides| counts(sides).0 >= counts(sides).1,
        |sides| {
            let (pinned, all) = counts(sides);
            format!("{pinned} of {all} masters that must not lead have said so")
        },
    )
}

fn group(world: &World, all: usize) -> Waiting {
    let message = match world.contenders {
        Some([a, b]) => format!("ensemble A shows {a} contenders and ensemble B {b}; {all} are asked for"),
        None => "the ensembles do not show their contenders".to_owned(),
    };
    wait(Reason::WaitingForGroup, message)
}
