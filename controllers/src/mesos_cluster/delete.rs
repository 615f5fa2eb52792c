//! Deletion: every node stops what it has of the cluster and archives or deletes its data, then the finalizer goes.
//!
//! ```text
//! agents with their tasks ─► masters ─► ZooKeeper ─► no node has anything ─► finalizer off
//! ```
//!
//! In this order the ends of tasks reach their schedulers. A node that cannot be reached holds back nothing but the
//! finalizer. Deletion does not validate the spec, so an invalid spec cannot block it.

use super::context::Context;
use super::decide::Effect;
use super::departures::departures;
use super::error::Error;
use super::model::{Desired, World};
use super::{act, apps, decide, drain, report};
use crate::finalizers;
use crate::nodes::{Kind, Ledger, NodeView, Order, Owner, Part, Slot};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::report::{Event, status_of};
use kube::{Resource, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{Mtls, RemovedData};
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Held while nodes may have something of the cluster.
pub(super) const FINALIZER: &str = "mesolith.io/node-cleanup";
/// Names of nodes (comma separated) that are gone for good: deletion does not wait for them.
const SKIP_ANNOTATION: &str = "mesolith.io/skip-node-cleanup";

/// Nodes named in the skip annotation.
fn skipped(cluster: &MesosCluster) -> BTreeSet<String> {
    let list = cluster
        .annotations()
        .get(SKIP_ANNOTATION)
        .map(String::as_str)
        .unwrap_or_default();
    list.split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// What is left to do on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    Nothing,
    Ask { generation: u64 },
    Wait(Problem),
}

/// The kinds that stay for now. A node whose first answer is on its way may have an agent. An unreachable node may have
/// one too, but the others do not wait for it.
fn kept(views: &BTreeMap<String, NodeView>) -> &'static [Kind] {
    let some_has = |kind: Kind| {
        views.values().any(|view| match view {
            NodeView::Unknown => true,
            NodeView::Unreachable(_) => false,
            NodeView::Seen(ledger) => ledger.of(kind).next().is_some(),
        })
    };
    if some_has(Kind::Agent) {
        &[Kind::ZooKeeper, Kind::Master]
    } else if some_has(Kind::Master) {
        &[Kind::ZooKeeper]
    } else {
        &[]
    }
}

fn left(node: &str, view: &NodeView, kept: &[Kind], rules: &decide::Rules) -> Left {
    let wait = |reason, message: String| Left::Wait(Problem::new(reason, message).on(node));
    match view {
        NodeView::Unknown => wait(Reason::Deleting, format!("{node}: no answer yet")),
        NodeView::Unreachable(problem) => wait(
            problem.reason,
            format!(
                "{}. If the machine is gone for good: kubectl annotate mesoscluster NAME {SKIP_ANNOTATION}={node}",
                problem.message.trim_end_matches('.')
            ),
        ),
        NodeView::Seen(Ledger {
            present: false,
            stale: false,
            ..
        }) => Left::Nothing,
        NodeView::Seen(ledger) => {
            // A part without a digest was told to go already.
            let due = |(slot, part): (&Slot, &Part)| !kept.contains(&slot.kind) && !part.digest.is_empty();
            if ledger.parts.iter().any(due) || (kept.is_empty() && !ledger.removing) {
                Left::Ask {
                    generation: decide::next_generation(ledger, rules),
                }
            } else {
                wait(Reason::Deleting, format!("{node}: its components are stopping"))
            }
        }
    }
}

/// One round of deletion.
pub(super) async fn reconcile(cluster: &MesosCluster, cx: &Context, owner: &Owner) -> Result<Outcome, Error> {
    if !finalizers::has(cluster, FINALIZER) {
        cx.nodes.forget(&owner.uid);
        return Ok(Outcome::Done);
    }
    let before = status_of(cluster);
    if !report::is_deleting(&before) {
        apps::say_who_is_left(cluster, &cx.client, &cx.reporter).await;
    }
    let skipped = skipped(cluster);
    let mut managed: BTreeMap<String, String> = before.managed_nodes.clone();
    managed.retain(|node, _| !skipped.contains(node));
    let mut views = BTreeMap::new();
    if !managed.is_empty() {
        let mtls = cluster.spec.security.mtls == Mtls::Enabled;
        let dial = cx.dials.dial(cluster, mtls).await?;
        views = cx.nodes.follow(owner, &managed, &dial);
    }
    let generation = cluster.metadata.generation.unwrap_or_default();
    let rules = decide::Rules {
        generation: u64::try_from(generation).unwrap_or(0),
        ..decide::Rules::default()
    };
    let kept = kept(&views);
    let archive = cluster.spec.removed_data == RemovedData::Archive;
    let mut waits = Vec::new();
    let mut effects = Vec::new();
    for (node, view) in &views {
        match left(node, view, kept, &rules) {
            Left::Nothing => {
                managed.remove(node);
            }
            Left::Ask { generation } => effects.push(Effect {
                node: node.clone(),
                order: Order::End {
                    generation,
                    archive,
                    keep: kept,
                },
            }),
            Left::Wait(problem) => waits.push(problem),
        }
    }
    if managed.is_empty() {
        return release(cluster, cx, owner, &before, &skipped).await;
    }
    waits.splice(0..0, departures(&views));
    // No agent is wanted any more: nothing is started on one while the others go.
    let world = World {
        nodes: views,
        ..World::default()
    };
    let around = drain::Around {
        desired: &Desired::new(),
        world: &world,
        ids: &owner.ids,
        announce: false,
        sides: None,
    };
    // The masters go too: there is nobody to take anything back from.
    let mut leaving = drain::record(&before.draining_agents, around, jiff::Timestamp::now());
    leaving.retain(|entry| !entry.retracting);
    let reason = report::deleting(cluster, &cx.reporter, &before, &managed, leaving, &waits).await?;
    act::act(&cx.nodes, owner, effects).await?;
    Ok(Outcome::Waiting {
        reason,
        again: Some(Duration::from_secs(30)),
    })
}

/// Removes the finalizer, since nothing is left to be done.
async fn release(
    cluster: &MesosCluster,
    cx: &Context,
    owner: &Owner,
    before: &MesosClusterStatus,
    skipped: &BTreeSet<String>,
) -> Result<Outcome, Error> {
    let mut untouched = skipped.clone();
    untouched.retain(|node| before.managed_nodes.contains_key(node));
    if !untouched.is_empty() {
        let names = untouched
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let note = format!("{SKIP_ANNOTATION}: what the cluster started on {names} is not ended");
        let event = Event {
            related: None,
            reason: Reason::NodesSkipped,
            action: "Delete",
            note: &note,
        };
        cx.reporter.publish(&cluster.object_ref(&()), event).await;
    }
    cx.nodes.forget(&owner.uid);
    finalizers::remove(&cx.client, cluster, FINALIZER)
        .await
        .map_err(Error::WriteFinalizer)?;
    tracing::info!(
        cluster = owner.object.name,
        "nothing of the cluster is left on its nodes"
    );
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cut_off, desired, ledger, serving, three_nodes};
    use super::*;

    fn seen(present: bool, removing: bool) -> NodeView {
        NodeView::Seen(Ledger {
            present,
            removing,
            generation: 7,
            settled: true,
            ..Ledger::default()
        })
    }

    #[test]
    fn every_node_is_asked_once_and_waited_for() {
        let left = |view: &NodeView| left("a", view, &[], &decide::Rules::default());
        assert_eq!(left(&seen(false, false)), Left::Nothing);
        assert_eq!(left(&seen(true, false)), Left::Ask { generation: 8 });
        assert!(matches!(left(&seen(true, true)), Left::Wait(p) if p.reason == Reason::Deleting));
        let gone = NodeView::Unreachable(Problem::new(Reason::NodeUnreachable, "a (h:1): x."));
        let Left::Wait(problem) = left(&gone) else {
            panic!("must wait")
        };
        assert_eq!(problem.reason, Reason::NodeUnreachable);
        assert!(
            problem.message.contains("mesolith.io/skip-node-cleanup=a"),
            "{}",
            problem.message
        );
    }

    /// What each node is asked for in turn, until none has anything; w1's agent needs two rounds for its tasks.
    #[test]
    fn agents_go_first_then_masters_then_zookeeper() {
        let mut world = serving(&desired(three_nodes()));
        cut_off(&mut world, "w2");
        let mut asked = Vec::new();
        let mut tasks = 2;
        for _ in 0..20 {
            let kept = kept(&world.nodes);
            let nodes: Vec<String> = world.nodes.keys().cloned().collect();
            for node in nodes {
                let Left::Ask { generation } =
                    left(&node, &world.nodes[&node], kept, &decide::Rules::default())
                else {
                    continue;
                };
                let ledger = ledger(&mut world, &node);
                (ledger.removing, ledger.generation) = (true, generation);
                for (slot, part) in ledger
                    .parts
                    .iter_mut()
                    .filter(|(slot, _)| !kept.contains(&slot.kind))
                {
                    part.digest.clear();
                    asked.push(format!("{node} {}", slot.kind.name()));
                }
            }
            // What was told to go is gone in the next round.
            for view in world.nodes.values_mut() {
                if let NodeView::Seen(ledger) = view {
                    let busy = ledger.leaving_agent().is_some() && tasks > 0;
                    tasks -= u32::from(busy);
                    ledger.parts.retain(|_, part| busy || !part.digest.is_empty());
                    ledger.present = !ledger.parts.is_empty();
                }
            }
        }
        assert_eq!(
            asked,
            [
                "w1 agent",
                "cp1 master",
                "cp2 master",
                "cp3 master",
                "cp1 zookeeper",
                "cp2 zookeeper",
                "cp3 zookeeper"
            ]
        );
        world.nodes.remove("w2");
        assert!(
            world
                .nodes
                .values()
                .all(|view| left("x", view, &[], &decide::Rules::default()) == Left::Nothing)
        );
    }

    #[test]
    fn masters_wait_for_a_node_that_has_not_answered_yet() {
        let mut world = serving(&desired(three_nodes()));
        for node in ["w1", "w2"] {
            world.nodes.remove(node);
        }
        assert_eq!(kept(&world.nodes), [Kind::ZooKeeper]);
        world.nodes.insert("w1".into(), NodeView::Unknown);
        assert_eq!(kept(&world.nodes), [Kind::ZooKeeper, Kind::Master]);
    }
}
