//! Phase 4: agents of cluster B register and run a probe task. With Repoint there is nothing to deploy.

use super::super::evidence::Evidence;
use super::super::world::{Goal, Probe, World, wait};
use super::form::{all_serve, none_left, shape};
use super::judge::Judge;
use super::{Effect, Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Waiting};

pub(super) struct DeployAgents;

impl PhaseLogic for DeployAgents {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .in_sync(goal, world)
            .waits()
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match (goal.strategy, direction) {
            (AgentStrategy::Repoint, _) => Next::Nothing,
            (AgentStrategy::Drain, Direction::Forward) => steps![
                shape(goal, world, |form| form.target_parts.agents = true),
                all_serve(world, ClusterSide::Target, ComponentKind::Agent),
                match world.probe {
                    Probe::Absent => Next::Do(Effect::Probe(true)),
                    Probe::Starting => Next::Wait(vec![wait(
                        Reason::WaitingForProbe,
                        "the probe task does not run on an agent of cluster B yet",
                    )]),
                    Probe::Runs => Next::Nothing,
                },
            ],
            (AgentStrategy::Drain, Direction::Back) => steps![
                no_probe(world),
                shape(goal, world, |form| form.target_parts.agents = false),
                none_left(world, ClusterSide::Target, ComponentKind::Agent),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        let judge = Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .no_task_failed(world);
        match (goal.strategy, direction) {
            (_, Direction::Back) => judge.verdict(),
            (AgentStrategy::Repoint, Direction::Forward) => {
                judge.signed("agents", "those of cluster A are kept").verdict()
            }
            (AgentStrategy::Drain, Direction::Forward) => {
                let sides = world.sides().map_err(|waiting| vec![waiting])?;
                let agents = &sides.target.agents;
                judge
                    .fact(agents.ready == agents.desired, "agents", &agents.summary, || {
                        wait(
                            Reason::WaitingForAgents,
                            format!("{} agents of B are registered", agents.summary),
                        )
                    })
                    .fact(world.probe == Probe::Runs, "probe", "ran on cluster B", || {
                        wait(Reason::WaitingForProbe, "the probe task does not run")
                    })
                    .verdict()
            }
        }
    }
}

/// The probe task has ended.
pub(super) fn no_probe(world: &World) -> Next {
    match world.probe {
        Probe::Absent => Next::Nothing,
        Probe::Starting | Probe::Runs => Next::Do(Effect::Probe(false)),
    }
}
