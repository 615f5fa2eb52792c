//! Phase 6: nobody uses ensemble A any more; it is fenced, stopped and copied, and its data is kept. When it was kept for
//! long enough, the deletion is asked for in a second approval, which names the copies that stay.
//!
//! ```text
//! fence ─► no engine ─► nobody on A ─► A parked ─► approval ─► kept ─► approval of the deletion ─► A deleted
//!    ◄───────────────────── there is a way back ──────────────────────────────►│  ─► spec adopted ─► no form
//! ```

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::deploy_zk::no_engines;
use super::form::{all_serve, caught_up, current, none_left, shape, start_engine, switch, until};
use super::judge::Judge;
use super::paths::nothing_left_out;
use super::{Finish, Gate, Next, PhaseLogic, steps};
use jiff::{SignedDuration, Timestamp};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind, Parts, Writes};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Phase, Waiting};

/// Clients that are named in a wait; more are counted.
const NAMED: usize = 4;
/// Digits of a checksum that evidence shows.
const DIGITS: usize = 12;

/// The fact of the evidence by which the deletion is approved.
pub(crate) const DELETES: &str = "deletes";

pub(super) struct RemoveZk;

impl PhaseLogic for RemoveZk {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        let mut waits = Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .in_sync(goal, world)
            .waits();
        if let Next::Wait(left) = nobody(world) {
            waits.extend(left);
        }
        waits
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        let form = current(goal, world);
        match direction {
            Direction::Forward if is_deleted(world) => Next::Nothing,
            Direction::Forward => steps![
                // The fence: until it has passed, B may lack what A was told last.
                match form.sync {
                    Some(_) => switch(goal, world, Writes::Target, Writes::Target),
                    None => Next::Nothing,
                },
                shape(goal, world, |form| form.sync = None),
                no_engines(world),
                match form.source_parked {
                    true => Next::Nothing,
                    false => steps_before_parking(world),
                },
                shape(goal, world, |form| form.source_parked = true),
                parked(world),
            ],
            Direction::Back => steps![
                shape(goal, world, |form| form.source_parked = false),
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
        if direction == Direction::Back {
            return judge.in_sync(goal, world).verdict();
        }
        let sides = world.sides().map_err(|waiting| vec![waiting])?;
        let (zookeeper, masters) = (&sides.target.zookeeper, &sides.target.masters);
        let copies = &sides.source.copies;
        let copies: Vec<String> = copies
            .iter()
            .map(|copy| format!("{}:{} {:.DIGITS$}", copy.node, copy.path, copy.sha256))
            .collect();
        let judge = judge
            .quorum(zookeeper)
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
            .signed("copies of A", copies.join(", "));
        match asks_for_deletion(goal, world) {
            true => judge
                .signed(DELETES, "the data of ensemble A; no way back")
                .verdict(),
            false => judge.verdict(),
        }
    }

    /// The deletion always asks.
    fn gate(&self, goal: &Goal, world: &World) -> Gate {
        match asks_for_deletion(goal, world) {
            true => Gate::Person,
            false => Gate::AsConfigured,
        }
    }
}

fn steps_before_parking(world: &World) -> Next {
    // Whoever has come back since the phase began would write where nobody follows.
    steps![nobody(world), nothing_left_out(world)]
}

/// What is left to do when the phase is done.
pub(crate) fn finish(goal: &Goal, world: &World) -> Finish {
    if world.form.is_none() {
        return Finish::Released;
    }
    if is_deleted(world) {
        return Finish::Next(close(goal, world));
    }
    match kept_until(goal, world) {
        Some(until) if world.now < until => Finish::Next(Next::Wait(vec![wait(
            Reason::GoingBackIsPossible,
            format!(
                "the data of ensemble A is kept until {}; then its deletion asks for an approval",
                until.strftime("%Y-%m-%dT%H:%M:%SZ")
            ),
        )])),
        _ => Finish::Ask,
    }
}

/// Deletes cluster A. What is left of it in the form is gone as well, so that the spec can take over.
pub(crate) fn delete(goal: &Goal, world: &World) -> Next {
    shape(goal, world, |form| {
        form.source_parked = false;
        form.source_parts = Parts {
            agents: goal.strategy == AgentStrategy::Repoint,
            ..Parts::default()
        };
        form.retired_agents.clear();
        form.agent_drain = None;
    })
}

/// Cluster A goes; then the spec has to say what the form has made of the cluster.
fn close(goal: &Goal, world: &World) -> Next {
    let adopted = match world.adopted {
        true => Next::Nothing,
        false => {
            let (namespace, name) = goal.cluster.split_once('/').unwrap_or_default();
            Next::Wait(vec![Waiting {
                command: Some(format!(
                    "kubectl get mesoscluster {name} -n {namespace} -o jsonpath='{{.status.manifestToApply}}'"
                )),
                ..wait(
                    Reason::SpecBehind,
                    format!(
                        "put into Git what the migration has made of MesosCluster {name}; nothing restarts"
                    ),
                )
            }])
        }
    };
    steps![
        none_left(world, ClusterSide::Source, ComponentKind::ZooKeeper),
        adopted
    ]
}

/// Why cluster A cannot come back, once it is deleted.
pub(crate) fn no_way_back(phase: Phase, world: &World) -> Option<Waiting> {
    let released = phase == Phase::RemoveZk && world.form.is_none();
    (released || is_deleted(world)).then(|| {
        wait(
            Reason::SourceDeleted,
            "the data of cluster A was deleted as approved, so there is no way back: take spec.rollback away. The copies \
             that the evidence names can be unpacked by hand (docs/migration/remove-zk.md)",
        )
    })
}

/// Until the data of cluster A is kept.
fn kept_until(goal: &Goal, world: &World) -> Option<Timestamp> {
    let retention = SignedDuration::try_from(goal.retention).unwrap_or(SignedDuration::MAX);
    world.kept_since?.checked_add(retention).ok()
}

/// Whether the data was kept for long enough.
fn asks_for_deletion(goal: &Goal, world: &World) -> bool {
    kept_until(goal, world).is_some_and(|until| world.now >= until)
}

/// In this phase only the deletion takes the servers of cluster A away.
fn is_deleted(world: &World) -> bool {
    world
        .form
        .as_ref()
        .is_some_and(|form| !form.source_parts.zookeeper)
}

/// Every server of cluster A is stopped and copied.
fn parked(world: &World) -> Next {
    until(
        world,
        Reason::WaitingForRemoval,
        |sides| sides.source.parked >= sides.source.zookeeper_left,
        |sides| {
            format!(
                "{} of {} ZooKeeper servers of cluster A are stopped and copied",
                sides.source.parked, sides.source.zookeeper_left
            )
        },
    )
}

/// Nobody is connected to ensemble A but ourselves.
fn nobody(world: &World) -> Next {
    let waiting = match &world.clients {
        Some(Ok(clients)) if clients.is_empty() => return Next::Nothing,
        Some(Ok(clients)) => wait(Reason::ClientsLeft, named(clients)),
        Some(Err(why)) => wait(Reason::WaitingForClients, why.clone()),
        None => wait(
            Reason::WaitingForClients,
            "ensemble A was not asked for its clients yet",
        ),
    };
    Next::Wait(vec![waiting])
}

fn named(clients: &[String]) -> String {
    let some = clients.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match clients.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "clients of ensemble A are left: {some}{more}. End those that write, and start them on ensemble B when this phase \
         acts; point the others to ensemble B"
    )
}
