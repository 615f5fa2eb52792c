//! Agents on their way out, and what they are still stopping: one sentence for the conditions. Pure.

use crate::nodes::{NodeView, Part};
use crate::problem::Problem;
use mesolith_crds::Reason;
use std::collections::BTreeMap;

/// Most nodes that a sentence names.
const NAMED: usize = 5;

/// What leaving agents wait for; `None` when no agent leaves.
pub(super) fn departures(nodes: &BTreeMap<String, NodeView>) -> Option<Problem> {
    let leaving =
        |(node, view): (&String, &NodeView)| Some((node.clone(), view.ledger()?.leaving_agent()?.clone()));
    let leaving: Vec<(String, Part)> = nodes.iter().filter_map(leaving).collect();
    let trouble = leaving
        .iter()
        .filter_map(|(node, part)| Some((node, part, part.reason?)))
        .find(|(_, _, reason)| *reason != Reason::StoppingTasks);
    if let Some((node, part, reason)) = trouble {
        return Some(Problem::new(reason, format!("agent of {node}: {}", part.message)).on(node));
    }
    let tasks: u32 = leaving.iter().map(|(_, part)| part.tasks_left).sum();
    let message = match &leaving[..] {
        [] => return None,
        [(node, _)] if tasks == 0 => format!("{node}: its agent is leaving"),
        [(node, _)] => format!("{node}: {}", being_stopped(tasks)),
        many if tasks == 0 => format!("{} agents are leaving", many.len()),
        many => {
            let busy: Vec<String> = many
                .iter()
                .filter(|(_, part)| part.tasks_left > 0)
                .map(|(node, part)| format!("{node}: {}", part.tasks_left))
                .collect();
            let more = if busy.len() > NAMED { ", ..." } else { "" };
            let named = busy[..busy.len().min(NAMED)].join(", ");
            format!("{} ({named}{more})", being_stopped(tasks))
        }
    };
    Some(Problem::new(Reason::StoppingTasks, message))
}

fn being_stopped(tasks: u32) -> String {
    match tasks {
        1 => "1 task is being stopped".into(),
        many => format!("{many} tasks are being stopped"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::*;
    use super::*;
    use crate::nodes::Kind;
    use mesolith_proto::node::v1::Phase;
    use rstest::rstest;

    #[rstest]
    #[case::nobody(&[], None)]
    #[case::one(&[("w1", 3)], Some("w1: 3 tasks are being stopped"))]
    #[case::the_last(&[("w1", 1)], Some("w1: 1 task is being stopped"))]
    #[case::done(&[("w1", 0)], Some("w1: its agent is leaving"))]
    #[case::two(&[("w1", 3), ("w2", 4)], Some("7 tasks are being stopped (w1: 3, w2: 4)"))]
    #[case::one_of_two(&[("w1", 0), ("w2", 4)], Some("4 tasks are being stopped (w2: 4)"))]
    #[case::both_done(&[("w1", 0), ("w2", 0)], Some("2 agents are leaving"))]
    fn tasks_are_counted(#[case] leaving: &[(&str, u32)], #[case] sentence: Option<&str>) {
        let mut world = serving(&desired(three_nodes()));
        for (node, tasks) in leaving {
            agent_leaves(&mut world, node, *tasks);
        }
        let problem = departures(&world.nodes);
        assert_eq!(problem.as_ref().map(|p| p.message.as_str()), sentence);
        assert!(problem.is_none_or(|p| p.reason == Reason::StoppingTasks));
    }

    #[test]
    fn what_keeps_an_agent_is_said_before_counts() {
        let mut world = serving(&desired(three_nodes()));
        agent_leaves(&mut world, "w1", 9);
        agent_leaves(&mut world, "w2", 2);
        set_phase(
            &mut world,
            "w2",
            Kind::Agent,
            Phase::Stopping,
            Reason::DockerUnavailable,
            "no engine",
        );
        let problem = departures(&world.nodes).unwrap();
        assert_eq!(problem.reason, Reason::DockerUnavailable);
        assert_eq!(problem.message, "agent of w2: no engine");
    }
}
