//! Conditions of a MesosCluster. Pure.

use super::super::adopt::Adoption;
use super::super::model::{members, quorum, wanted};
use super::Seen;
use crate::nodes::{Kind, NodeView, Slot};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::report::{Finding, Truth};
use mesolith_crds::{Reason, Severity};
use mesolith_proto::node::v1::Phase;
use std::collections::BTreeMap;
use std::time::Duration;

/// Every condition, `Ready` first.
pub(super) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let parts = [zookeeper(seen), masters(seen), agents(seen), nodes(seen)];
    let mut findings = vec![ready(seen, &parts)];
    findings.extend(parts);
    findings.push(reconciling(seen));
    findings.push(stalled(seen));
    findings.extend(seen.adoption.map(Adoption::finding));
    findings
}

/// The first condition that does not hold names the reason: what comes up first is repaired first.
fn ready(seen: &Seen<'_>, parts: &[Finding]) -> Finding {
    let failing = parts.iter().find(|finding| finding.truth != Truth::True);
    match failing {
        Some(finding) => Finding::no("Ready", finding.reason, finding.message.clone()),
        None if seen.paused => Finding::yes(
            "Ready",
            Reason::Paused,
            "everything serves; spec.paused holds back changes",
        ),
        None => {
            let counts = Kind::ALL.map(|kind| (wanted(seen.desired, kind).count(), kind.plural()));
            let list: Vec<String> = counts
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, what)| format!("{n} {what}"))
                .collect();
            Finding::yes("Ready", Reason::AllServing, format!("{} serve", list.join(", ")))
        }
    }
}

fn zookeeper(seen: &Seen<'_>) -> Finding {
    let name = "ZooKeeperReady";
    if wanted(seen.desired, Kind::ZooKeeper).next().is_none() {
        return Finding::yes(
            name,
            Reason::External,
            format!("{} is not managed here", seen.sides.source().valid.zookeeper_url),
        );
    }
    all_serve(seen, Kind::ZooKeeper, name, Reason::WaitingForQuorum).unwrap_or_else(|f| f)
}

fn masters(seen: &Seen<'_>) -> Finding {
    let name = "MastersReady";
    match all_serve(seen, Kind::Master, name, Reason::WaitingForMasters) {
        Ok(_) if seen.world.leader().is_none() => Finding::no(
            name,
            Reason::WaitingForLeader,
            "all masters run, none of them leads yet",
        ),
        Ok(finding) => finding,
        // While none runs, what is missing is before the masters.
        Err(finding) if finding.reason == Reason::WaitingForMasters && !quorate(seen) => Finding::no(
            name,
            Reason::WaitingForQuorum,
            format!("{}; masters need the ZooKeeper quorum", finding.message),
        ),
        Err(finding) => finding,
    }
}

fn agents(seen: &Seen<'_>) -> Finding {
    let name = "AgentsReady";
    if wanted(seen.desired, Kind::Agent).next().is_none() {
        return Finding::yes(name, Reason::NoneWanted, "spec.agents is empty");
    }
    match all_serve(seen, Kind::Agent, name, Reason::WaitingForAgents) {
        Err(finding) if finding.reason == Reason::WaitingForAgents && seen.world.leader().is_none() => {
            Finding::no(
                name,
                Reason::WaitingForLeader,
                format!("{}; agents need a leading master", finding.message),
            )
        }
        Ok(finding) | Err(finding) => finding,
    }
}

fn quorate(seen: &Seen<'_>) -> bool {
    let servers = members(seen.desired, Kind::ZooKeeper);
    let size = servers.clone().count();
    size == 0 || seen.world.running(Kind::ZooKeeper, servers) >= quorum(size)
}

/// `Ok` when every member of a kind serves; otherwise what is wrong with the first that does not.
fn all_serve(seen: &Seen<'_>, kind: Kind, name: &'static str, waiting: Reason) -> Result<Finding, Finding> {
    let wanted: Vec<(Slot, &String)> = wanted(seen.desired, kind).collect();
    let up = seen.world.serving(wanted.iter().copied());
    let count = format!("{up} of {} {} up", wanted.len(), kind.plural());
    if up == wanted.len() {
        return Ok(Finding::yes(name, Reason::AllServing, count));
    }
    let mut reason = waiting;
    let mut details: Vec<(u8, String)> = Vec::new();
    for (slot, node) in wanted {
        let (weight, detail) = match seen.world.nodes.get(node) {
            None | Some(NodeView::Unknown) => (1, format!("{node}: no answer yet")),
            Some(NodeView::Unreachable(problem)) => (3, problem.message.clone()),
            Some(NodeView::Seen(ledger)) => match ledger.parts.get(&slot) {
                Some(part) if part.runs() => continue,
                None => (0, format!("{node}: not started yet")),
                Some(part) if !part.registered() => {
                    (2, format!("agent of {node}: not registered with a master yet"))
                }
                Some(part) => match part.reason {
                    None => (2, format!("{} of {node}: {}", kind.name(), part.phase_name())),
                    Some(said) => {
                        // What the node says of its component is the reason, unchanged. A component that only waits
                        // for others must not hide the one with a fault.
                        let fault = matches!(part.phase, Phase::Failed | Phase::BackOff);
                        let weight = if fault { 5 } else { 4 };
                        let heaviest = details.iter().all(|(known, _)| *known < weight);
                        if heaviest && said.severity() == Severity::Warning {
                            reason = said;
                        }
                        (weight, format!("{} of {node}: {}", kind.name(), part.message))
                    }
                },
            },
        };
        details.push((weight, detail));
    }
    details.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let detail = details.first().map(|(_, text)| text.as_str()).unwrap_or_default();
    Err(Finding::no(name, reason, format!("{count}; {detail}")))
}

fn nodes(seen: &Seen<'_>) -> Finding {
    let name = "NodesReachable";
    let total = seen.world.nodes.len();
    let lost: Vec<_> = seen
        .world
        .nodes
        .values()
        .filter_map(|view| match view {
            NodeView::Unreachable(problem) => Some(problem),
            NodeView::Unknown | NodeView::Seen(_) => None,
        })
        .collect();
    // A node that must not be trusted is worse than one that is away.
    let worst = lost
        .iter()
        .find(|p| p.reason == Reason::NodeUntrusted)
        .or(lost.first());
    if let Some(problem) = worst {
        let message = if lost.len() > 1 {
            format!(
                "{} of {total} nodes do not answer; {}",
                lost.len(),
                problem.message
            )
        } else {
            problem.message.clone()
        };
        return Finding::no(name, problem.reason, message);
    }
    match seen
        .world
        .nodes
        .iter()
        .find(|(_, view)| **view == NodeView::Unknown)
    {
        Some((node, _)) => Finding::unknown(name, Reason::WaitingForAnswer, format!("{node}: no answer yet")),
        None => Finding::yes(name, Reason::AllAnswer, format!("{total} nodes answer")),
    }
}

fn reconciling(seen: &Seen<'_>) -> Finding {
    let name = "Reconciling";
    if seen.paused && !seen.decision.plan.is_empty() {
        return Finding::no(
            name,
            Reason::Paused,
            "spec.paused holds back the steps of status.plan",
        );
    }
    if let Some(wait) = seen
        .decision
        .waits
        .first()
        .filter(|_| seen.decision.effects.is_empty())
    {
        return Finding::yes(name, wait.reason, wait.message.clone());
    }
    match seen.decision.plan.first() {
        Some(step) => {
            let left = seen.decision.plan.len();
            let text = format!(
                "{} {} on {}; {left} steps left",
                step.action, step.component, step.node
            );
            Finding::yes(name, Reason::Rolling, text)
        }
        None => Finding::no(name, Reason::UpToDate, "nodes have what the spec says"),
    }
}

/// A person is needed for a component that its node cannot start by itself, and for a drain that does not end.
fn stalled(seen: &Seen<'_>) -> Finding {
    let parts = seen
        .world
        .nodes
        .iter()
        .filter_map(|(node, view)| Some((node, view.ledger()?)));
    for (node, ledger) in parts {
        if let Some((slot, part)) = ledger.parts.iter().find(|(_, part)| part.phase == Phase::Failed) {
            let message = format!("{} of {node}: {}", slot.kind.name(), part.message);
            let reason = part.reason.unwrap_or(Reason::ComponentFailed);
            return Finding::yes("Stalled", reason, message);
        }
    }
    match seen.overdue {
        Some(problem) => Finding::yes("Stalled", problem.reason, problem.message.clone()),
        None => Finding::no("Stalled", Reason::Progressing, ""),
    }
}

/// Conditions of a cluster that is being deleted, with the first wait; and the wait's reason.
pub(super) fn deleting(managed: &BTreeMap<String, String>, waits: &[Problem]) -> (Reason, Vec<Finding>) {
    let names: Vec<&str> = managed.keys().map(String::as_str).take(5).collect();
    let more = if managed.len() > names.len() { ", ..." } else { "" };
    let mut progress = format!(
        "{} nodes left to clean: {}{more}",
        managed.len(),
        names.join(", ")
    );
    let tasks = waits.iter().find(|wait| wait.reason == Reason::StoppingTasks);
    if let Some(tasks) = tasks {
        progress = format!("{}; {progress}", tasks.message);
    }
    let reason = tasks.map_or(Reason::Deleting, |tasks| tasks.reason);
    let reconciling = Finding::yes("Reconciling", Reason::Deleting, progress.clone());
    match waits
        .iter()
        .find(|wait| wait.reason.severity() == Severity::Warning)
    {
        Some(problem) => (
            problem.reason,
            vec![
                Finding::no("Ready", problem.reason, problem.message.clone()),
                Finding::yes("Stalled", problem.reason, problem.message.clone()),
                reconciling,
            ],
        ),
        None => (
            reason,
            vec![
                Finding::no("Ready", reason, progress),
                Finding::no("Stalled", Reason::Deleting, ""),
                reconciling,
            ],
        ),
    }
}

/// How the reconcile ended, from its own findings.
pub(super) fn outcome(findings: &[Finding], look_again: Duration) -> Outcome {
    match findings.first() {
        Some(ready) if ready.truth != Truth::True => Outcome::Waiting {
            reason: ready.reason,
            again: Some(look_again),
        },
        // Resources and tasks change without a trigger.
        _ => Outcome::DoneFor { again: look_again },
    }
}

#[cfg(test)]
mod tests;
