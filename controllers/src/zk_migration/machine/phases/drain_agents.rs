//! Phase 5: the agents of cluster A are emptied in batches and leave, or look for their leader in ensemble B.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::deploy_agents::no_probe;
use super::form::{all_serve, current, none_left, returned, shape};
use super::judge::Judge;
use super::{Next, PhaseLogic, steps};
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
            (AgentStrategy::Drain, Direction::Forward) => steps![
                no_probe(world),
                // It may be changed while agents are drained.
                shape(goal, world, |form| form.agent_drain =
                    Some(goal.agent_drain.clone())),
                empty(goal, world),
                returned(world),
            ],
            (AgentStrategy::Drain, Direction::Back) => steps![
                shape(goal, world, |form| form.retired_agents.clear()),
                all_serve(world, ClusterSide::Source, ComponentKind::Agent),
                returned(world),
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

/// The next agents are retired as soon as cluster B has room for what they have, beside what is on its way there.
fn empty(goal: &Goal, world: &World) -> Next {
    if let Err(waiting) = world.sides() {
        return Next::Wait(vec![waiting]);
    }
    let retired = current(goal, world).retired_agents;
    let done: BTreeSet<&String> = retired.iter().collect();
    let mut rest = goal.source_agents.iter().filter(|node| !done.contains(node));
    let first = rest.next();
    let batch: Option<Vec<String>> = world.next_batch.as_ref().map(|batch| {
        let new = batch.iter().filter(|node| !done.contains(node));
        new.cloned().collect()
    });
    if let Some(batch) = batch.clone().filter(|batch| !batch.is_empty()) {
        return shape(goal, world, |form| {
            form.retired_agents.extend(batch);
            form.retired_agents.sort();
        });
    }
    if !world.drained.is_empty() {
        return Next::Wait(vec![wait(Reason::WaitingForDrain, sentence(world))]);
    }
    match first {
        None => none_left(world, ClusterSide::Source, ComponentKind::Agent),
        Some(_) if batch.is_none() => Next::Wait(vec![wait(
            Reason::WaitingForLeader,
            "the leading master does not say what its agents have",
        )]),
        Some(first) => Next::Wait(vec![wait(
            Reason::TargetTooSmall,
            format!("cluster B has no room for the tasks of {first}: add agents to it, or end tasks"),
        )]),
    }
}

/// Agents with tasks come first.
fn sentence(world: &World) -> String {
    let mut agents: Vec<_> = world.drained.iter().collect();
    agents.sort_by_key(|(node, drained)| (drained.tasks == Some(0), *node));
    let named: Vec<String> = agents
        .iter()
        .take(NAMED)
        .map(|(node, drained)| match drained.tasks {
            None => format!("{node}: its agent has not registered with the leader, its tasks are not known"),
            Some(0) => format!("{node}: its agent is leaving"),
            Some(tasks) => format!("{node}: {tasks} tasks ({})", drained.frameworks.join(", ")),
        })
        .collect();
    match agents.len() - named.len() {
        0 => named.join("; "),
        more => format!("{}; and {more} agents more", named.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Effect;
    use super::*;
    use crate::zk_migration::machine::world::{Drained, SeenSides};

    fn goal() -> Goal {
        Goal {
            source_agents: ["a1", "a2", "a3"].map(str::to_owned).to_vec(),
            ..Goal::default()
        }
    }

    fn world(retired: &[&str], batch: &[&str], drained: &[(&str, Option<usize>)]) -> World {
        let owned = |list: &[&str]| list.iter().map(|node| (*node).to_owned()).collect();
        let mut form = current(&goal(), &World::default());
        form.retired_agents = owned(retired);
        let drained = drained.iter().map(|(node, tasks)| {
            let drained = Drained {
                tasks: *tasks,
                frameworks: vec!["chronos".to_owned()],
            };
            ((*node).to_owned(), drained)
        });
        World {
            form: Some(form),
            sides: Some(SeenSides::default()),
            next_batch: Some(owned(batch)),
            drained: drained.collect(),
            ..World::default()
        }
    }

    fn said(world: &World) -> String {
        match empty(&goal(), world) {
            Next::Nothing => "nothing".to_owned(),
            Next::Wait(waits) => format!("{}: {}", waits[0].reason, waits[0].message),
            Next::Do(Effect::Shape(form)) => form.retired_agents.join(" "),
            Next::Do(effect) => format!("{effect:?}"),
        }
    }

    #[test]
    fn agents_are_retired_while_there_is_room_and_what_keeps_them_is_named() {
        assert_eq!(said(&world(&[], &["a2"], &[])), "a2");
        let busy = world(&["a2"], &["a1", "a2"], &[("a2", Some(3))]);
        assert_eq!(
            said(&busy),
            "a1 a2",
            "the next go beside those that are not empty yet"
        );
        assert_eq!(
            said(&world(&["a1", "a2"], &[], &[("a1", Some(0)), ("a2", Some(3))])),
            "WaitingForDrain: a2: 3 tasks (chronos); a1: its agent is leaving"
        );
        let unknown = said(&world(&["a1"], &[], &[("a1", None)]));
        assert!(unknown.contains("its tasks are not known"), "{unknown}");
        let small = said(&world(&["a1"], &[], &[]));
        assert!(
            small.starts_with("TargetTooSmall: cluster B has no room for the tasks of a2"),
            "{small}"
        );
        assert_eq!(said(&world(&["a1", "a2", "a3"], &[], &[])), "nothing");
    }
}
