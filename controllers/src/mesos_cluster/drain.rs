//! Agents that are to leave: on record in the status, so that the scheduler moves their tasks before they go.
//!
//! ```text
//! a node shows an agent nobody wants ─► on record ─► the scheduler starts nothing there and moves what runs
//!                                          └► no tasks left (or mode Force) ─► the node is told to stop it ─► off record
//! ```
//!
//! An agent is asked for its tasks only once it is on record: an instance that is just being placed there must not
//! be overlooked. Pure.

mod calls;

pub(super) use calls::{Call, calls};

use super::model::{Desired, Told, World};
use super::sides::Sides;
use crate::nodes::{Ids, Kind, NodeView, Part, Slot};
use crate::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentDrain, DrainTimeout, DrainingAgent};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// As many as the CRD lets a status list.
const MOST: usize = 1024;

/// What the record follows from, beside the record before.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) desired: &'a Desired,
    pub(super) world: &'a World,
    pub(super) ids: &'a Ids,
    /// Whether the master is told about agents that leave.
    pub(super) announce: bool,
    /// Nodes have host names there.
    pub(super) sides: Option<&'a Sides>,
}

/// The record after this reconcile. A node that does not answer keeps its entry: what it holds is not known. So does an
/// agent that has left, or is wanted again, as long as the master has something of it.
pub(super) fn record(before: &[DrainingAgent], around: Around<'_>, now: Timestamp) -> Vec<DrainingAgent> {
    let known: BTreeMap<&str, &DrainingAgent> = before.iter().map(|d| (d.node.as_str(), d)).collect();
    let nodes: BTreeSet<&str> = around
        .world
        .nodes
        .keys()
        .map(String::as_str)
        .chain(known.keys().copied())
        .collect();
    nodes
        .into_iter()
        .filter_map(|node| around.entry(node, known.get(node).copied(), now))
        .take(MOST)
        .collect()
}

impl Around<'_> {
    fn entry(&self, node: &str, old: Option<&DrainingAgent>, now: Timestamp) -> Option<DrainingAgent> {
        let view = self.world.nodes.get(node);
        if matches!(view, Some(NodeView::Unknown | NodeView::Unreachable(_))) {
            let old = old?;
            return if self.is_wanted(old) {
                self.retracted(old)
            } else {
                Some(old.clone())
            };
        }
        let Some((slot, part)) = unwanted(self.desired, self.world, node) else {
            return self.retracted(old?);
        };
        let id = part.facts.get("agentId").filter(|id| !id.is_empty()).cloned();
        let leaves = old.filter(|old| !old.retracting);
        Some(DrainingAgent {
            node: node.to_owned(),
            agent_id: id.or_else(|| old.and_then(|old| old.agent_id.clone())),
            // The API stores whole seconds.
            since: leaves
                .and_then(|old| old.since.clone())
                .or_else(|| Timestamp::from_second(now.as_second()).ok().map(Time)),
            component: Some(self.ids.id(slot).to_owned()),
            announced: self.announce || old.is_some_and(|old| old.announced),
            retracting: false,
        })
    }

    /// The agent of an entry stays, or has left: what the master was told is taken back.
    fn retracted(&self, old: &DrainingAgent) -> Option<DrainingAgent> {
        let host = self.sides.and_then(|sides| sides.node(&old.node));
        let host = host.map(|node| node.host().to_owned());
        let ledger = self.world.nodes.get(&old.node).and_then(NodeView::ledger);
        let is_there = |part: &Part| part.facts.get("agentId") == old.agent_id.as_ref();
        let returns = match ledger {
            Some(ledger) => ledger.of(Kind::Agent).any(|(_, part)| is_there(part)),
            // It is away and wanted, or belongs to the cluster no more.
            None => self.world.nodes.contains_key(&old.node),
        };
        let told: Option<&Told> = self.world.told.as_ref();
        let done = !old.announced || calls::forgotten(old, told, host, returns);
        (!done).then(|| DrainingAgent {
            retracting: true,
            ..old.clone()
        })
    }

    /// Whether the agent of an entry is wanted; of an older operator's entry, whether any on its node is.
    fn is_wanted(&self, old: &DrainingAgent) -> bool {
        let slot = old.component.as_ref().and_then(|id| self.ids.slot(id));
        let is_it = |of: &Slot| slot.map_or(of.kind == Kind::Agent, |slot| slot == *of);
        let set = self.desired.get(&old.node);
        set.is_some_and(|set| set.keys().any(is_it))
    }
}

/// The agent of a node that nobody wants.
fn unwanted<'a>(desired: &Desired, world: &'a World, node: &str) -> Option<(Slot, &'a Part)> {
    let is_wanted = |slot: &_| desired.get(node).is_some_and(|set| set.contains_key(slot));
    let mut agents = world.nodes.get(node)?.ledger()?.of(Kind::Agent);
    agents.find(|(slot, _)| !is_wanted(slot))
}

/// Agent ids by node, of the agents whose record is old enough to be asked for tasks.
fn to_ask(before: &[DrainingAgent], desired: &Desired, world: &World) -> BTreeMap<String, String> {
    before
        .iter()
        .filter_map(|draining| {
            let (_, part) = unwanted(desired, world, &draining.node)?;
            let id = part.facts.get("agentId").or(draining.agent_id.as_ref())?;
            // Another id than the one on record: the scheduler has not been told of it yet.
            (draining.agent_id.as_ref() == Some(id)).then(|| (draining.node.clone(), id.clone()))
        })
        .collect()
}

/// Tasks on the agents that are to leave, by node; unknown ones are absent. An agent that the leader does not show has
/// not registered with it, and may have any: a new leader learns of tasks from their agents. One that the master is told
/// about counts once it is not offered any more, since until then something may start there.
pub(super) fn tasks_on(
    before: &[DrainingAgent],
    desired: &Desired,
    world: &World,
    told: &Told,
) -> BTreeMap<String, usize> {
    let announced: BTreeSet<&str> = before
        .iter()
        .filter(|entry| entry.announced)
        .map(|entry| entry.node.as_str())
        .collect();
    let count = |(node, id): (String, String)| {
        let agent = told.fleet.agents.get(&id)?;
        let closed = agent.deactivated || !announced.contains(node.as_str());
        closed.then_some((node, agent.tasks))
    };
    to_ask(before, desired, world)
        .into_iter()
        .filter_map(count)
        .collect()
}

/// Nodes whose agents leave with what they have left: they had the time that the policy gives them.
pub(super) fn forced(
    record: &[DrainingAgent],
    policy: Option<&AgentDrain>,
    now: Timestamp,
) -> BTreeSet<String> {
    let Some(policy) = policy.filter(|policy| policy.on_timeout == DrainTimeout::Force) else {
        return BTreeSet::new();
    };
    record
        .iter()
        .filter(|entry| !entry.retracting && is_late(entry, policy.timeout(), now))
        .map(|entry| entry.node.clone())
        .collect()
}

fn is_late(entry: &DrainingAgent, limit: Duration, now: Timestamp) -> bool {
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    let since = entry.since.as_ref();
    since.is_some_and(|since| now.duration_since(since.0) >= limit)
}

/// The drain that has taken longer than `limit`, and how to end it.
pub(super) fn overdue(
    record: &[DrainingAgent],
    waits: &[Problem],
    limit: Duration,
    now: Timestamp,
) -> Option<Problem> {
    let late = |draining: &&DrainingAgent| !draining.retracting && is_late(draining, limit, now);
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
    use crate::fleet::{Fleet, FleetAgent};
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record(
        before: &[DrainingAgent],
        desired: &Desired,
        world: &World,
        now: Timestamp,
    ) -> Vec<DrainingAgent> {
        announced(before, desired, world, now, false)
    }

    fn announced(
        before: &[DrainingAgent],
        desired: &Desired,
        world: &World,
        now: Timestamp,
        announce: bool,
    ) -> Vec<DrainingAgent> {
        let sides = sides(&three_nodes());
        let around = Around {
            desired,
            world,
            ids: &Ids::default(),
            announce,
            sides: Some(&sides),
        };
        super::record(before, around, now)
    }

    /// What the leader says of w2's agent.
    fn told(agent: FleetAgent) -> Told {
        Told {
            fleet: Fleet {
                agents: [("S-w2".to_owned(), agent)].into(),
                ..Fleet::default()
            },
            ..Told::default()
        }
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
    fn tasks_that_the_leader_does_not_know_are_not_none() {
        let world = serving(&desired(three_nodes()));
        let plain = record(&[], &without_w2(), &world, at(10));
        let on = |before: &[DrainingAgent], told: &Told| tasks_on(before, &without_w2(), &world, told);
        let two = FleetAgent {
            tasks: 2,
            ..FleetAgent::default()
        };
        assert_eq!(on(&plain, &told(two.clone())), [("w2".to_owned(), 2)].into());
        assert_eq!(on(&plain, &Told::default()), BTreeMap::new(), "a new leader");
        // Announced: it counts once nothing can start there any more.
        let announced = announced(&[], &without_w2(), &world, at(10), true);
        assert_eq!(on(&announced, &told(two.clone())), BTreeMap::new());
        let closed = FleetAgent {
            deactivated: true,
            ..two
        };
        assert_eq!(on(&announced, &told(closed)), [("w2".to_owned(), 2)].into());
    }

    #[test]
    fn what_the_master_was_told_stays_on_record_until_it_is_taken_back() {
        let all = desired(three_nodes());
        let mut world = serving(&all);
        let first = announced(&[], &without_w2(), &world, at(10), true);
        assert!(first[0].announced && !first[0].retracting);
        let out = FleetAgent {
            deactivated: true,
            ..FleetAgent::default()
        };
        world.told = Some(told(out));
        // Wanted again, at first without an answer of its node.
        let mut away = world.clone();
        cut_off(&mut away, "w2");
        for world in [&away, &world] {
            let back = announced(&first, &all, world, at(20), true);
            assert!(back[0].retracting && back[0].since == first[0].since);
            assert_eq!(announced(&back, &all, world, at(30), true), back);
        }
        let back = announced(&first, &all, &world, at(20), true);
        let again = announced(&back, &without_w2(), &world, at(40), true);
        assert_eq!(again[0].since, Some(Time(at(40))), "it leaves anew");
        world.told = Some(told(FleetAgent::default()));
        assert!(announced(&back, &all, &world, at(50), true).is_empty());
        // Gone, and its node is none of the cluster's any more.
        let mut gone = world.clone();
        gone.nodes.remove("w2");
        gone.told = None;
        assert_eq!(announced(&first, &without_w2(), &gone, at(20), true).len(), 1);
        gone.told = Some(Told::default());
        assert!(announced(&first, &without_w2(), &gone, at(20), true).is_empty());
    }

    #[test]
    fn only_force_takes_an_agent_with_tasks_and_only_after_its_time() {
        let world = serving(&desired(three_nodes()));
        let first = announced(&[], &without_w2(), &world, at(10), true);
        let policy = |on_timeout| AgentDrain {
            timeout: Some("600s".into()),
            on_timeout,
            ..AgentDrain::default()
        };
        let force = policy(DrainTimeout::Force);
        assert!(forced(&first, Some(&force), at(609)).is_empty());
        assert_eq!(forced(&first, Some(&force), at(610)), ["w2".to_owned()].into());
        assert!(forced(&first, Some(&policy(DrainTimeout::Wait)), at(9999)).is_empty());
        assert!(forced(&first, None, at(9999)).is_empty());
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
