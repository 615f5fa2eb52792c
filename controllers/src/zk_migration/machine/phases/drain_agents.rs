//! Phase 5: the agents of cluster A are emptied in batches and leave, or look for their leader in ensemble B.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::deploy_agents::no_probe;
use super::form::{all_serve, current, none_left, shape};
use super::judge::Judge;
use super::{Effect, Next, PhaseLogic, steps};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, ComponentKind};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Waiting};
use std::collections::BTreeSet;

/// Agents that are named in a wait; more are counted.
const NAMED: usize = 3;

pub(super) struct DrainAgents;

impl PhaseLogic for DrainAgents {
    fn blockers(&self, goal: &Goal, world: &World) -> Vec<Waiting> {
        Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .in_sync(goal, world)
            .waits()
    }

    fn next(&self, goal: &Goal, world: &World, direction: Direction) -> Next {
        match (goal.strategy, direction) {
            (AgentStrategy::Repoint, _) => {
                let side = match direction {
                    Direction::Forward => ClusterSide::Target,
                    Direction::Back => ClusterSide::Source,
                };
                steps![
                    shape(goal, world, |form| form.agents_follow = side),
                    all_serve(world, ClusterSide::Source, ComponentKind::Agent),
                ]
            }
            (AgentStrategy::Drain, Direction::Forward) => steps![no_probe(world), empty(goal, world)],
            (AgentStrategy::Drain, Direction::Back) => steps![
                match world.drained.is_empty() {
                    true => Next::Nothing,
                    false => Next::Do(Effect::Drain(Vec::new())),
                },
                shape(goal, world, |form| form.retired_agents.clear()),
                all_serve(world, ClusterSide::Source, ComponentKind::Agent),
            ],
        }
    }

    fn verified(&self, goal: &Goal, world: &World, direction: Direction) -> Result<Evidence, Vec<Waiting>> {
        let judge = Judge::default()
            .led_by(ClusterSide::Target, goal, world)
            .frameworks(world)
            .agents(world)
            .no_task_failed(world);
        match (direction, &world.counts) {
            (Direction::Back, _) => judge.verdict(),
            (Direction::Forward, None) => judge.verdict(),
            (Direction::Forward, Some(counts)) => {
                let left = counts.tasks[0];
                let moved = goal.strategy == AgentStrategy::Repoint || left == 0;
                judge
                    .fact(moved, "tasks of cluster A", left, || {
                        wait(
                            Reason::TasksLeft,
                            format!("{left} tasks run on agents of cluster A"),
                        )
                    })
                    .verdict()
            }
        }
    }
}

/// The next batch is retired when the one before it has left.
fn empty(goal: &Goal, world: &World) -> Next {
    let retired = current(goal, world).retired_agents;
    let asked: Vec<String> = world.drained.keys().cloned().collect();
    if asked != retired {
        return Next::Do(Effect::Drain(retired));
    }
    let busy: Vec<&String> = world
        .drained
        .iter()
        .filter(|(_, drained)| drained.tasks > 0)
        .map(|(node, _)| node)
        .collect();
    if !busy.is_empty() {
        return Next::Wait(vec![wait(Reason::WaitingForDrain, sentence(world, &busy))]);
    }
    let done: BTreeSet<&String> = retired.iter().collect();
    let mut rest = goal.source_agents.iter().filter(|node| !done.contains(node));
    let Some(first) = rest.next() else {
        return none_left(world, ClusterSide::Source, ComponentKind::Agent);
    };
    let batch: Vec<String> = world
        .next_batch
        .iter()
        .filter(|node| !done.contains(node))
        .cloned()
        .collect();
    if batch.is_empty() {
        return Next::Wait(vec![wait(
            Reason::TargetTooSmall,
            format!("cluster B has no room for the tasks of {first}: add agents to it, or end tasks"),
        )]);
    }
    shape(goal, world, |form| {
        form.retired_agents.extend(batch);
        form.retired_agents.sort();
    })
}

fn sentence(world: &World, busy: &[&String]) -> String {
    let named: Vec<String> = busy
        .iter()
        .take(NAMED)
        .map(|node| {
            let drained = &world.drained[*node];
            format!(
                "{node}: {} tasks ({})",
                drained.tasks,
                drained.frameworks.join(", ")
            )
        })
        .collect();
    match busy.len() - named.len() {
        0 => named.join("; "),
        more => format!("{}; and {more} agents more", named.join("; ")),
    }
}
