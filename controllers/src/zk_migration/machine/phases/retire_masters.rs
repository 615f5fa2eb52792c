//! Phase 3: the masters of cluster A are stopped, followers first; then a master of cluster B leads.
//!
//! The form changes in one step. The cluster's controller lets masters of one side lead only once every master of the
//! other side has said that it may not, or is gone: so there is no order of events in which two lead.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::deploy_masters::pinned;
use super::form::{all_serve, none_left, shape, switch};
use super::judge::Judge;
use super::{Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, Writes};
use mesolith_crds::v1alpha1::zk_migration::{Direction, Waiting};

pub(super) struct RetireMasters;

impl PhaseLogic for RetireMasters {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        let mut waits = Judge::default().in_sync(goal, world).frameworks(world).waits();
        if let Next::Wait(not_pinned) = pinned(world, ClusterSide::Target) {
            waits.extend(not_pinned);
        }
        waits
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match direction {
            Direction::Forward => steps![
                shape(goal, world, |form| {
                    form.leads = ClusterSide::Target;
                    form.source_parts.masters = false;
                }),
                none_left(world, ClusterSide::Source, ComponentKind::Master),
                leads(world, ClusterSide::Target),
                // From here on cluster B's masters write alone, and A follows, so that the way back loses nothing.
                switch(goal, world, Writes::Target, Writes::Source),
            ],
            Direction::Back => steps![
                switch(goal, world, Writes::Both, Writes::Source),
                shape(goal, world, |form| {
                    form.leads = ClusterSide::Source;
                    form.source_parts.masters = true;
                }),
                all_serve(world, ClusterSide::Source, ComponentKind::Master),
                pinned(world, ClusterSide::Target),
                leads(world, ClusterSide::Source),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        let side = match direction {
            Direction::Forward => ClusterSide::Target,
            Direction::Back => ClusterSide::Source,
        };
        Judge::default()
            .led_by(side, goal, world)
            .frameworks(world)
            .agents(world)
            .no_task_failed(world)
            .in_sync(goal, world)
            .verdict()
    }
}

/// A master of that side leads.
fn leads(world: &World, side: ClusterSide) -> Next {
    match &world.leader {
        Some(leader) if leader.side == side => Next::Nothing,
        Some(leader) => Next::Wait(vec![wait(
            Reason::WaitingForLeader,
            format!("{} still leads", leader.address),
        )]),
        None => Next::Wait(vec![wait(Reason::WaitingForLeader, "no master leads")]),
    }
}
