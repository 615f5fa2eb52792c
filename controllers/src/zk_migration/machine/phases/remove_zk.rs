//! Phase 6: nobody uses ensemble A any more; it is fenced, stopped and archived.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::deploy_zk::no_engines;
use super::form::{all_serve, caught_up, current, none_left, shape, start_engine, switch};
use super::judge::Judge;
use super::{Gate, Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, Writes};
use mesolith_crds::v1alpha1::zk_migration::{Direction, Waiting};

/// Clients that are named in a wait; more are counted.
const NAMED: usize = 4;

pub(super) struct RemoveZk;

impl PhaseLogic for RemoveZk {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        let mut waits = Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .in_sync(goal, world)
            .waits();
        match &world.clients {
            None => waits.push(wait(
                Reason::WaitingForClients,
                "ensemble A does not tell its clients",
            )),
            Some(clients) if clients.is_empty() => {}
            Some(clients) => waits.push(wait(Reason::ClientsLeft, named(clients))),
        }
        waits
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match direction {
            Direction::Forward => steps![
                // The fence: until it has passed, B may lack what A was told last.
                match current(goal, world).sync {
                    Some(_) => switch(goal, world, Writes::Target, Writes::Target),
                    None => Next::Nothing,
                },
                shape(goal, world, |form| form.sync = None),
                no_engines(world),
                shape(goal, world, |form| form.source_parts.zookeeper = false),
                none_left(world, ClusterSide::Source, ComponentKind::ZooKeeper),
            ],
            Direction::Back => steps![
                shape(goal, world, |form| form.source_parts.zookeeper = true),
                all_serve(world, ClusterSide::Source, ComponentKind::ZooKeeper),
                // A has been away: it must have all of B before anybody may write there again.
                start_engine(goal, world, Writes::Target),
                caught_up(world),
                switch(goal, world, Writes::Target, Writes::Source),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        let judge = Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .no_task_failed(world);
        match direction {
            Direction::Back => judge.in_sync(goal, world).verdict(),
            Direction::Forward => {
                let sides = world.sides().map_err(|waiting| vec![waiting])?;
                let (zookeeper, masters) = (&sides.target.zookeeper, &sides.target.masters);
                judge
                    .fact(
                        zookeeper.ready == zookeeper.desired,
                        "quorum",
                        &zookeeper.summary,
                        || {
                            wait(
                                Reason::WaitingForQuorum,
                                format!("{} servers of B serve", zookeeper.summary),
                            )
                        },
                    )
                    .fact(
                        masters.ready == masters.desired,
                        "masters",
                        &masters.summary,
                        || {
                            wait(
                                Reason::WaitingForMasters,
                                format!("{} masters of B serve", masters.summary),
                            )
                        },
                    )
                    .verdict()
            }
        }
    }

    fn gate(&self) -> Gate {
        Gate::Person
    }
}

fn named(clients: &[String]) -> String {
    let some = clients.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match clients.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("clients of ensemble A are left: {some}{more}. Point them to ensemble B, or end them")
}
