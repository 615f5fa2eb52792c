//! Which instances are stopped when an app shrinks.

use std::collections::BTreeMap;

use crate::{
    app::{App, KillSelection},
    constraint::Operator,
    ids::TaskId,
    instance::{Instance, State},
};

/// Picks `count` victims among `candidates`: first those furthest from running, then unhealthy ones, then those in
/// the largest GROUP_BY group. The app's kill selection decides ties.
#[must_use]
pub fn victims(app: &App, candidates: &[&Instance], count: usize) -> Vec<TaskId> {
    let mut order: Vec<&Instance> = candidates.to_vec();
    // Beyond Marathon's order: of two that run, the one that is not healthy goes first.
    let healthy = |instance: &Instance| instance.is_healthy();
    order.sort_by(|a, b| {
        let stage = weight(a)
            .cmp(&weight(b))
            .then_with(|| healthy(a).cmp(&healthy(b)));
        stage.then_with(|| by_age(app.definition.kill_selection, a, b))
    });
    let grouping = app
        .constraints
        .iter()
        .find(|c| matches!(c.operator, Operator::GroupBy(_)));
    let mut victims = Vec::new();
    while victims.len() < count && !order.is_empty() {
        let at = match grouping {
            None => 0,
            Some(constraint) => {
                let mut groups: BTreeMap<Option<&str>, usize> = BTreeMap::new();
                for instance in &order {
                    *groups.entry(instance.agent.field(&constraint.field)).or_default() += 1;
                }
                let largest = groups.values().copied().max().unwrap_or(0);
                let in_largest =
                    |i: &&Instance| groups.get(&i.agent.field(&constraint.field)) == Some(&largest);
                // Those that do not serve go first, whatever their group: nothing is lost with them.
                let idle = weight(order[0]) < RUNNING || !healthy(order[0]);
                if idle {
                    0
                } else {
                    order.iter().position(in_largest).unwrap_or(0)
                }
            }
        };
        victims.push(order.remove(at).task.clone());
    }
    victims
}

const RUNNING: u8 = 4;

fn weight(instance: &Instance) -> u8 {
    match instance.state {
        State::Unreachable => 1,
        State::Staging => 2,
        State::Starting => 3,
        State::Running => RUNNING,
        State::Killing => 5,
    }
}

fn by_age(selection: KillSelection, a: &Instance, b: &Instance) -> std::cmp::Ordering {
    let since = |i: &Instance| i.started.unwrap_or(i.staged);
    match selection {
        KillSelection::YoungestFirst => since(b).cmp(&since(a)),
        KillSelection::OldestFirst => since(a).cmp(&since(b)),
    }
    .then_with(|| a.task.cmp(&b.task))
}
