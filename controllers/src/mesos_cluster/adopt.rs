//! The end of a migration: whether the spec says what the form has made of the cluster, and the manifest that does. Pure.
//!
//! The spec says so when the component sets of all nodes without the form are those with it: however it is written, not
//! one component restarts when the form goes.

use super::assemble;
use super::sides::Sides;
use crate::nodes::Ids;
use crate::report::Finding;
use kube::ResourceExt;
use mesolith_crds::Reason;
use mesolith_crds::condition::SPEC_BEHIND;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterForm, MesosClusterSpec};
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use mesolith_proto::node::v1::Component;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longest manifest that the condition prints; a longer one is only in the status.
const PRINTED: usize = 16 << 10;
/// Nodes that a sentence names.
const NAMED: usize = 5;
/// Annotations of kubectl itself.
const KUBECTL: &str = "kubectl.kubernetes.io/";

/// How far the spec is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Adoption {
    /// Without the form these nodes would change.
    Behind {
        /// The manifest to apply.
        manifest: String,
        /// What prints it.
        command: String,
        /// Their names.
        nodes: Vec<String>,
    },
    /// Without the form nothing would change.
    Adopted,
}

impl Adoption {
    /// As a condition.
    pub(crate) fn finding(&self) -> Finding {
        match self {
            Adoption::Adopted => Finding::no(
                SPEC_BEHIND,
                Reason::SpecAdopted,
                "the spec says what the migration has made of the cluster",
            ),
            Adoption::Behind {
                manifest,
                command,
                nodes,
            } => {
                let some = nodes.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                let more = match nodes.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let printed = match manifest.len() <= PRINTED {
                    true => format!(" ({command} prints it):\n{manifest}"),
                    false => format!(" that is printed by: {command}"),
                };
                let message = format!(
                    "the migration is through and the spec is still that of before: {some}{more} would change by it. \
                     Put this into Git, nothing restarts{printed}"
                );
                Finding::yes(SPEC_BEHIND, Reason::SpecBehind, message)
            }
        }
    }

    /// The manifest to apply.
    pub(crate) fn manifest(&self) -> Option<&str> {
        match self {
            Adoption::Behind { manifest, .. } => Some(manifest),
            Adoption::Adopted => None,
        }
    }
}

/// How far the spec of a cluster is; nothing while no migration of it is through.
pub(crate) fn adoption(cluster: &MesosCluster, status: &MesosClusterStatus) -> Option<Adoption> {
    let form = status.form.as_ref().filter(|form| form.is_final())?;
    let name = cluster.name_any();
    let mut released = status.clone();
    released.release();
    let nodes = differences(
        &sets(&name, &cluster.spec, status),
        &sets(&name, &cluster.spec, &released),
    );
    if nodes.is_empty() {
        return Some(Adoption::Adopted);
    }
    let namespace = cluster.namespace().unwrap_or_default();
    Some(Adoption::Behind {
        manifest: manifest(cluster, form),
        command: format!(
            "kubectl get mesoscluster {name} -n {namespace} -o jsonpath='{{.status.manifestToApply}}'"
        ),
        nodes,
    })
}

/// What every node is to run, by the components' ids. A spec that makes no sense has none.
type Sets = BTreeMap<String, BTreeMap<String, Component>>;

fn sets(name: &str, spec: &MesosClusterSpec, status: &MesosClusterStatus) -> Sets {
    let Ok(sides) = Sides::of(name, spec, status) else {
        return Sets::new();
    };
    let ids = Ids::of(&status.second_components);
    let desired = assemble::desired(&sides, status.form.as_ref(), &ids);
    let by_id = |set: BTreeMap<_, Component>| set.into_values().map(|c| (c.id.clone(), c)).collect();
    desired
        .into_iter()
        .map(|(node, set)| (node, by_id(set)))
        .collect()
}

/// Nodes whose sets differ.
fn differences(with: &Sets, without: &Sets) -> Vec<String> {
    let nodes: BTreeSet<&String> = with.keys().chain(without.keys()).collect();
    let differs = |node: &&&String| with.get(**node) != without.get(**node);
    nodes.iter().filter(differs).map(|node| (*node).clone()).collect()
}

/// YAML that `kubectl apply` takes, with the labels and annotations that the object has.
fn manifest(cluster: &MesosCluster, form: &ClusterForm) -> String {
    let mut metadata = json!({"name": cluster.name_any(), "namespace": cluster.namespace()});
    let annotations = cluster
        .annotations()
        .iter()
        .filter(|(key, _)| !key.starts_with(KUBECTL));
    let annotations: BTreeMap<_, _> = annotations.collect();
    if !cluster.labels().is_empty() {
        metadata["labels"] = json!(cluster.labels());
    }
    if !annotations.is_empty() {
        metadata["annotations"] = json!(annotations);
    }
    let mut spec = serde_json::to_value(form.adopted(&cluster.spec)).unwrap_or_default();
    prune(&mut spec);
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), json!("mesolith.io/v1alpha1"));
    object.insert("kind".to_owned(), json!("MesosCluster"));
    object.insert("metadata".to_owned(), metadata);
    object.insert("spec".to_owned(), spec);
    serde_saphyr::to_string(&object).unwrap_or_default()
}

/// Takes what says nothing away.
fn prune(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.values_mut().for_each(prune);
        let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        fields.retain(|_, value| !empty(value));
    }
}

#[cfg(test)]
mod tests;
