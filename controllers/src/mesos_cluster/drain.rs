//! Agents that are to leave: on record in the status, so that the scheduler moves their tasks before they go.
//!
//! ```text
//! a node shows an agent nobody wants ─► on record ─► the scheduler starts nothing there and moves what runs
//!                                          └► no tasks left (or mode Force) ─► the node is told to stop it ─► off record
//! ```
//!
//! An agent is asked for its tasks only once it is on record: an instance that is just being placed there must not
//! be overlooked. Pure.

use super::model::{Desired, World};
use crate::nodes::{Kind, NodeView, Part};
use crate::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::DrainingAgent;
use std::collections::BTreeMap;
use std::time::Duration;

/// As many as the CRD lets a status list.
const MOST: usize = 1024;

/// The record after this reconcile. A node that does not answer keeps its entry: what it holds is not known.
pub(super) fn record(
    before: &[DrainingAgent],
    desired: &Desired,
    world: &World,
    now: Timestamp,
) -> Vec<DrainingAgent> {
    let known: BTreeMap<&str, &DrainingAgent> = before.iter().map(|d| (d.node.as_str(), d)).collect();
    let entry = |node: &String, view: &NodeView| -> Option<DrainingAgent> {
        let old = known.get(node.as_str()).copied();
        if !matches!(view, NodeView::Seen(_)) {
            return old.filter(|_| !is_wanted(desired, node)).cloned();
        }
        let part = unwanted(desired, world, node)?;
        let id = part.facts.get("agentId").filter(|id| !id.is_empty()).cloned();
        let since = old.and_then(|old| old.since.clone());
        Some(DrainingAgent {
            node: node.clone(),
            agent_id: id.or_else(|| old.and_then(|old| old.agent_id.clone())),
            // The API stores whole seconds.
            since: since.or_else(|| Timestamp::from_second(now.as_second()).ok().map(Time)),
        })
    };
    world
        .nodes
        .iter()
        .filter_map(|(node, view)| entry(node, view))
        .take(MOST)
        .collect()
}

/// The agent of a node that nobody wants.
fn unwanted<'a>(desired: &Desired, world: &'a World, node: &str) -> Option<&'a Part> {
    let is_wanted = |slot: &_| desired.get(node).is_some_and(|set| set.contains_key(slot));
    let mut agents = world.nodes.get(node)?.ledger()?.of(Kind::Agent);
    agents.find(|(slot, _)| !is_wanted(slot)).map(|(_, part)| part)
}

/// Whether some agent is wanted on a node.
fn is_wanted(desired: &Desired, node: &str) -> bool {
    desired
        .get(node)
        .is_some_and(|set| set.keys().any(|slot| slot.kind == Kind::Agent))
}

/// Agent ids by node, of the agents whose record is old enough to be asked for tasks.
pub(super) fn to_ask(before: &[DrainingAgent], desired: &Desired, world: &World) -> BTreeMap<String, String> {
    before
        .iter()
        .filter_map(|draining| {
            let part = unwanted(desired, world, &draining.node)?;
            let id = part.facts.get("agentId").or(draining.agent_id.as_ref())?;
            // Another id than the one on record: the scheduler has not been told of it yet.
            (draining.agent_id.as_ref() == Some(id)).then(|| (draining.node.clone(), id.clone()))
        })
        .collect()
}

/// The drain that has taken longer than `limit`, and how to end it.
pub(super) fn overdue(
    record: &[DrainingAgent],
    waits: &[Problem],
    limit: Duration,
    now: Timestamp,
) -> Option<Problem> {
    let limit_signed = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    let late = |draining: &&DrainingAgent| {
        draining
            .since
            .as_ref()
            .is_some_and(|since| now.duration_since(since.0) >= limit_signed)
    };
    let count = record.iter().filter(late).count();
    let first = record.iter().find(late)?;
    let why = waits
        .iter()
        .find(|wait| wait.reason == Reason::AgentHasTasks && wait.node.as_ref() == Some(&first.node))
        .map(|wait| format!(": {}", wait.message))
        .unwrap_or_default();
    let more = match count - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = format!(
        "the agent on {} has not been drained within {} s{more}{why}",
        first.node,
        limit.as_secs()
    );
    Some(Problem::new(Reason::DrainTimeout, message).on(&first.node))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::*;
    use super::*;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn without_w2() -> Desired {
        let mut spec = three_nodes();
        spec["agents"][0]["nodes"] = json!("w1");
        desired(spec)
    }

    #[test]
    fn an_agent_nobody_wants_is_put_on_record_once() {
        let world = serving(&desired(three_nodes()));
        assert!(record(&[], &desired(three_nodes()), &world, at(1)).is_empty());
        let first = record(&[], &without_w2(), &world, at(10));
        assert_eq!(first.len(), 1);
        assert_eq!(
            (first[0].node.as_str(), first[0].agent_id.as_deref()),
            ("w2", Some("S-w2"))
        );
        assert_eq!(
            record(&first, &without_w2(), &world, at(99)),
            first,
            "the same at any later time"
        );
        assert!(
            record(&first, &desired(three_nodes()), &world, at(99)).is_empty(),
            "wanted again"
        );
    }

    #[test]
    fn a_node_that_does_not_answer_stays_on_record_and_a_clean_one_does_not() {
        let mut world = serving(&desired(three_nodes()));
        let first = record(&[], &without_w2(), &world, at(10));
        cut_off(&mut world, "w2");
        assert_eq!(record(&first, &without_w2(), &world, at(20)), first);
        let mut clean = serving(&desired(three_nodes()));
        ledger(&mut clean, "w2").parts.clear();
        assert!(record(&first, &without_w2(), &clean, at(20)).is_empty());
    }

    #[test]
    fn tasks_are_asked_for_only_once_the_agent_is_on_record() {
        let world = serving(&desired(three_nodes()));
        assert!(to_ask(&[], &without_w2(), &world).is_empty());
        let first = record(&[], &without_w2(), &world, at(10));
        assert_eq!(
            to_ask(&first, &without_w2(), &world),
            [("w2".to_owned(), "S-w2".to_owned())].into()
        );
    }

    #[test]
    fn a_drain_is_overdue_after_its_time() {
        let world = serving(&desired(three_nodes()));
        let first = record(&[], &without_w2(), &world, at(10));
        let limit = Duration::from_secs(60);
        assert_eq!(overdue(&first, &[], limit, at(69)), None);
        let wait = |node: &str| {
            let message = format!("the agent on {node} has 3 tasks");
            Problem::new(Reason::AgentHasTasks, message).on(node)
        };
        let said = |waits: &[Problem]| overdue(&first, waits, limit, at(70)).unwrap().message;
        let late = "the agent on w2 has not been drained within 60 s";
        assert_eq!(
            said(&[wait("w20"), wait("w2")]),
            format!("{late}: the agent on w2 has 3 tasks")
        );
        assert_eq!(said(&[wait("w20")]), late, "not what another node waits for");
    }
}
