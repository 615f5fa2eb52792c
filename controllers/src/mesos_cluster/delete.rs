//! Deletion: every node stops and archives what it has of the cluster, then the finalizer goes.
//!
//! The cheap path does not look at the spec: a spec that never made sense cannot block its own deletion.

use super::model::{Desired, Ledger, NodeView, Problem};
use super::{Error, act, credentials, decide, report};
use crate::context::Context;
use crate::nodes::Owner;
use crate::outcome::Outcome;
use futures::stream::{self, StreamExt};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::{Mtls, RemovedData};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Held while nodes may have something of the cluster.
pub(crate) const FINALIZER: &str = "mesolith.io/node-cleanup";
/// Names of nodes (comma separated) that are gone for good: deletion does not wait for them.
pub(crate) const SKIP_ANNOTATION: &str = "mesolith.io/skip-node-cleanup";

/// Adds the finalizer if it is missing; returns whether it wrote.
pub(crate) async fn add_finalizer(cluster: &MesosCluster, cx: &Context) -> Result<bool, Error> {
    if cluster.finalizers().iter().any(|f| f == FINALIZER) {
        return Ok(false);
    }
    let mut finalizers = cluster.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    write_finalizers(cluster, cx, finalizers).await?;
    Ok(true)
}

async fn write_finalizers(cluster: &MesosCluster, cx: &Context, list: Vec<String>) -> Result<(), Error> {
    let api: Api<MesosCluster> = Api::namespaced(cx.client.clone(), &cluster.namespace().unwrap_or_default());
    let metadata = serde_json::json!({ "finalizers": list, "resourceVersion": cluster.resource_version() });
    let patch = Patch::Merge(serde_json::json!({ "metadata": metadata }));
    match api
        .patch(&cluster.name_any(), &PatchParams::default(), &patch)
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()), // gone already
        Err(error) => Err(Error::WriteFinalizer(error)),
    }
}

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

fn left(node: &str, view: &NodeView, rules: decide::Rules) -> Left {
    match view {
        NodeView::Unknown => Left::Wait(Problem {
            reason: "Deleting".into(),
            message: format!("{node}: no answer yet"),
        }),
        NodeView::Unreachable(problem) => Left::Wait(Problem {
            reason: problem.reason.clone(),
            message: format!(
                "{}. If the machine is gone for good: kubectl annotate mesoscluster NAME {SKIP_ANNOTATION}={node}",
                problem.message.trim_end_matches('.')
            ),
        }),
        NodeView::Seen(Ledger {
            present: false,
            stale: false,
            ..
        }) => Left::Nothing,
        NodeView::Seen(Ledger { removing: true, .. }) => Left::Wait(Problem {
            reason: "Deleting".into(),
            message: format!("{node}: its components are stopping"),
        }),
        NodeView::Seen(ledger) => Left::Ask {
            generation: decide::next_generation(ledger, rules),
        },
    }
}

/// One round of deletion.
pub(crate) async fn reconcile(cluster: &MesosCluster, cx: &Context, owner: &Owner) -> Result<Outcome, Error> {
    if !cluster.finalizers().iter().any(|f| f == FINALIZER) {
        cx.nodes.forget(&owner.uid);
        return Ok(Outcome::Done);
    }
    let before = crate::report::status_of(cluster);
    let skipped = skipped(cluster);
    let mut managed: BTreeMap<String, String> = before.managed_nodes.clone();
    managed.retain(|node, _| !skipped.contains(node));
    let mut waits = Vec::new();
    let mut asked = Vec::new();
    if !managed.is_empty() {
        let dial = credentials::dial(cluster, cx, cluster.spec.security.mtls == Mtls::Enabled).await?;
        let views = cx.nodes.follow(cx, owner, &managed, &dial);
        let generation = cluster
            .metadata
            .generation
            .and_then(|g| u64::try_from(g).ok())
            .unwrap_or(0);
        let rules = decide::Rules {
            generation,
            ..decide::Rules::default()
        };
        for (node, view) in &views {
            match left(node, view, rules) {
                Left::Nothing => {
                    managed.remove(node);
                }
                Left::Ask { generation } => asked.push((node.clone(), generation)),
                Left::Wait(problem) => waits.push(problem),
            }
        }
    }
    if managed.is_empty() {
        cx.nodes.forget(&owner.uid);
        let rest = cluster
            .finalizers()
            .iter()
            .filter(|f| *f != FINALIZER)
            .cloned()
            .collect();
        write_finalizers(cluster, cx, rest).await?;
        tracing::info!(
            cluster = owner.object.name,
            "nothing of the cluster is left on its nodes"
        );
        return Ok(Outcome::Done);
    }
    report::deleting(cluster, cx, &before, &managed, &waits).await?;
    let archive = cluster.spec.removed_data == RemovedData::Archive;
    let results: Vec<_> = stream::iter(asked)
        .map(|(node, generation)| async move { act::remove(cx, owner, &node, generation, archive).await })
        .buffer_unordered(64)
        .collect()
        .await;
    results.into_iter().collect::<Result<Vec<bool>, _>>()?;
    let reason = if waits.iter().any(|w| w.reason != "Deleting") {
        "NodeUnreachable"
    } else {
        "Deleting"
    };
    Ok(Outcome::Waiting {
        reason,
        again: Some(Duration::from_secs(30)),
    })
}

/// Nodes that still have to be visited once these sets are sent: the record that is written before the act.
pub(crate) fn managed_after(
    before: &BTreeMap<String, String>,
    addresses: &BTreeMap<String, String>,
    desired: &Desired,
    views: &BTreeMap<String, NodeView>,
    targets: &BTreeSet<&str>,
) -> BTreeMap<String, String> {
    let mut managed = before.clone();
    for (node, address) in addresses {
        if targets.contains(node.as_str()) || managed.contains_key(node) {
            managed.insert(node.clone(), address.clone());
        }
    }
    managed.retain(|node, _| {
        let clean = matches!(
            views.get(node),
            Some(NodeView::Seen(Ledger {
                present: false,
                stale: false,
                ..
            }))
        );
        desired.contains_key(node) || targets.contains(node.as_str()) || !clean
    });
    managed
}

#[cfg(test)]
mod tests {
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
        let rules = decide::Rules {
            generation: 0,
            ..decide::Rules::default()
        };
        assert_eq!(left("a", &seen(false, false), rules), Left::Nothing);
        assert_eq!(left("a", &seen(true, false), rules), Left::Ask { generation: 8 });
        assert!(matches!(left("a", &seen(true, true), rules), Left::Wait(p) if p.reason == "Deleting"));
        let gone = NodeView::Unreachable(Problem {
            reason: "NodeUnreachable".into(),
            message: "a (h:1): x.".into(),
        });
        let Left::Wait(problem) = left("a", &gone, rules) else {
            panic!("must wait")
        };
        assert_eq!(problem.reason, "NodeUnreachable");
        assert!(
            problem.message.contains("mesolith.io/skip-node-cleanup=a"),
            "{}",
            problem.message
        );
    }

    #[test]
    fn the_record_grows_before_the_act_and_shrinks_when_a_node_is_clean() {
        let text = |s: &str| s.to_owned();
        let addresses: BTreeMap<_, _> = [(text("a"), text("h:1")), (text("b"), text("h:2"))].into();
        let none = BTreeMap::new();
        let first = managed_after(
            &none,
            &addresses,
            &Desired::new(),
            &BTreeMap::new(),
            &["a"].into(),
        );
        assert_eq!(first.keys().collect::<Vec<_>>(), ["a"]);
        let views: BTreeMap<_, _> = [(text("a"), seen(false, false))].into();
        assert!(managed_after(&first, &addresses, &Desired::new(), &views, &[].into()).is_empty());
        let unreachable = [(text("a"), NodeView::Unknown)].into();
        assert_eq!(
            managed_after(&first, &addresses, &Desired::new(), &unreachable, &[].into()).len(),
            1
        );
    }
}
