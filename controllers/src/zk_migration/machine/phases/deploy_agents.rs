//! Phase 4: agents of cluster B register and run a probe task. With Repoint there is nothing to deploy.

use super::super::evidence::Evidence;
use super::super::world::{Goal, Probe, World, wait};
use super::form::{all_serve, none_left, returned, shape};
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
                returned(world),
                probe(world),
            ],
            (AgentStrategy::Drain, Direction::Back) => steps![
                no_probe(world),
                shape(goal, world, |form| {
                    form.target_parts.agents = false;
                    form.agent_drain = Some(goal.agent_drain.clone());
                }),
                none_left(world, ClusterSide::Target, ComponentKind::Agent),
                returned(world),
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

/// The probe task runs.
fn probe(world: &World) -> Next {
    match &world.probe {
        Probe::Absent | Probe::Misplaced if world.probe_on.is_empty() => Next::Wait(vec![wait(
            Reason::WaitingForAgents,
            "the leading master offers no agent of cluster B yet",
        )]),
        Probe::Absent | Probe::Misplaced => Next::Do(Effect::StartProbe(world.probe_on.clone())),
        Probe::Waits(why) | Probe::Blocked(why) => Next::Wait(vec![why.clone()]),
        Probe::Ends => Next::Wait(vec![ends()]),
        Probe::Runs => Next::Nothing,
    }
}

/// The probe task has ended.
pub(super) fn no_probe(world: &World) -> Next {
    match world.probe {
        Probe::Absent | Probe::Blocked(_) => Next::Nothing,
        Probe::Waits(_) | Probe::Misplaced | Probe::Runs => Next::Do(Effect::EndProbe),
        Probe::Ends => Next::Wait(vec![ends()]),
    }
}

fn ends() -> Waiting {
    wait(Reason::WaitingForProbe, "the probe task is being ended")
}
