//! What a node shows of a cluster. Plain data, and the way from the wire to it.

use super::slot::{Ids, Kind, Slot};
use crate::problem::Problem;
use mesolith_crds::Reason;
use mesolith_proto::node::v1::{ClusterState, ComponentState, Facts, NodeState, Phase};
use std::collections::BTreeMap;

/// Other facts change all the time; each change would trigger a reconcile.
const STEADY_FACTS: [&str; 7] = [
    "mode",
    "leading",
    "leader",
    "registered",
    "agentId",
    ARCHIVE,
    ARCHIVE_SHA256,
];
/// Path of the copy of a parked server's data.
const ARCHIVE: &str = "archive";
/// Its checksum.
const ARCHIVE_SHA256: &str = "archiveSha256";

/// What is known about a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum NodeView {
    /// No contact yet: the first answer is on its way.
    #[default]
    Unknown,
    /// No contact.
    Unreachable(Problem),
    /// It answers.
    Seen(Ledger),
}

impl NodeView {
    /// The ledger, if the node answers.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        match self {
            NodeView::Seen(ledger) => Some(ledger),
            NodeView::Unknown | NodeView::Unreachable(_) => None,
        }
    }
}

/// One cluster's components on one node, as the node shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Whether the node knows the cluster at all.
    pub(crate) present: bool,
    /// Generation in the node's ledger.
    pub(crate) generation: u64,
    /// Whether the node has converged to its ledger.
    pub(crate) settled: bool,
    /// Whether more was sent than the node has shown so far.
    pub(crate) stale: bool,
    /// Whether everything is being stopped.
    pub(crate) removing: bool,
    /// The components.
    pub(crate) parts: BTreeMap<Slot, Part>,
    /// Version of the node agent.
    pub(crate) version: String,
}

/// One component, as its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it is in its life.
    pub(crate) phase: Phase,
    /// Digest of what the node was told; empty once the component has to go.
    pub(crate) digest: String,
    /// Why it does not run, if the node says so.
    pub(crate) reason: Option<Reason>,
    /// What happened and what to do.
    pub(crate) message: String,
    /// How often it had to be started again.
    pub(crate) restarts: u32,
    /// ZooKeeper: `mode`; master: `leading`, `leader`; agent: `registered`, `agentId`. Only facts that are steady.
    pub(crate) facts: BTreeMap<String, String>,
    /// Tasks that have not ended, on an agent that leaves for good.
    pub(crate) tasks_left: u32,
    /// Of a master: whether it was told that it may lead; absent when nothing was said.
    pub(crate) may_lead: Option<bool>,
    /// Of a ZooKeeper server: whether it was told to stop and keep its data.
    pub(crate) told_to_park: bool,
    /// Of a master: whether it is certain that it does not lead, and will not until it is told otherwise.
    pub(crate) cannot_lead: bool,
}

impl Ledger {
    /// Components of that kind, of whichever side.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = (Slot, &Part)> {
        let parts = self.parts.iter().map(|(slot, part)| (*slot, part));
        parts.filter(move |(slot, _)| slot.kind == kind)
    }

    /// The agent, once the node was told that it has to go.
    pub(crate) fn leaving_agent(&self) -> Option<&Part> {
        // A part without a digest is not in the node's ledger any more.
        let mut agents = self.of(Kind::Agent).map(|(_, part)| part);
        agents.find(|part| part.digest.is_empty())
    }
}

impl Part {
    /// Whether it serves. An agent that says that no master knows it does not.
    pub(crate) fn runs(&self) -> bool {
        self.phase == Phase::Running && self.registered()
    }

    /// False for an agent that says that no master knows it.
    pub(crate) fn registered(&self) -> bool {
        self.facts.get("registered").is_none_or(|value| value != "false")
    }

    /// Whether it leads, so that it must be restarted last.
    pub(crate) fn leads(&self) -> bool {
        self.facts.get("leading").is_some_and(|v| v == "true")
            || self.facts.get("mode").is_some_and(|v| v == "leader")
    }

    /// Whether it is stopped with its data kept.
    pub(crate) fn is_parked(&self) -> bool {
        self.phase == Phase::Parked
    }

    /// Path and checksum of the copy of its data.
    pub(crate) fn data_copy(&self) -> Option<(&str, &str)> {
        let fact = |name: &str| self.facts.get(name).map(String::as_str);
        Some((fact(ARCHIVE)?, fact(ARCHIVE_SHA256)?))
    }

    /// Where it is in its life, in the words of the status.
    pub(crate) fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Unspecified => "Unknown",
            Phase::Pending => "Pending",
            Phase::Starting => "Starting",
            Phase::Running => "Running",
            Phase::Unhealthy => "Unhealthy",
            Phase::BackOff => "BackOff",
            Phase::Stopping => "Stopping",
            Phase::Failed => "Failed",
            Phase::Parked => "Parked",
        }
    }
}

/// What a node says of the cluster with that uid.
pub(super) fn ledger(state: &NodeState, uid: &str, ids: &Ids, facts: &Facts) -> Ledger {
    let version = facts.version.clone();
    let ours = state
        .clusters
        .iter()
        .find(|c| c.cluster.as_ref().is_some_and(|r| r.uid == uid));
    match ours {
        None => Ledger {
            settled: true,
            version,
            ..Ledger::default()
        },
        Some(cluster) => Ledger {
            present: true,
            generation: cluster.generation,
            settled: cluster.observed_generation == cluster.generation,
            stale: false,
            removing: cluster.removing,
            parts: parts(cluster, ids),
            version,
        },
    }
}

fn parts(cluster: &ClusterState, ids: &Ids) -> BTreeMap<Slot, Part> {
    let part = |c: &ComponentState| {
        let (reason, message) = said(c);
        let steady = |(key, _): &(&String, &String)| STEADY_FACTS.contains(&key.as_str());
        Some((
            ids.slot(&c.id)?,
            Part {
                phase: c.phase(),
                digest: c.spec_digest.clone(),
                reason,
                message,
                restarts: c.restarts,
                tasks_left: c.tasks_left,
                may_lead: c.live.and_then(|live| live.may_lead),
                told_to_park: c.live.and_then(|live| live.parked).unwrap_or_default(),
                cannot_lead: c.cannot_lead(),
                facts: c
                    .facts
                    .iter()
                    .filter(steady)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            },
        ))
    };
    cluster.components.iter().filter_map(part).collect()
}

/// Why a component does not run, as its node says it. A reason that only a newer node agent knows goes into the sentence.
fn said(component: &ComponentState) -> (Option<Reason>, String) {
    let message = component.message.clone();
    match (component.reason.as_str(), Reason::parse(&component.reason)) {
        ("", _) => (None, message),
        (_, Some(reason)) => (Some(reason), message),
        (word, None) => {
            let reason = match component.phase() {
                Phase::Failed | Phase::BackOff => Reason::ComponentFailed,
                _ => Reason::ComponentNotReady,
            };
            (Some(reason), format!("{word}: {message}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing("", Phase::Pending, None, "x")]
    #[case::known("PortInUse", Phase::Failed, Some(Reason::PortInUse), "x")]
    #[case::of_a_newer_node("NodeOnFire", Phase::Failed, Some(Reason::ComponentFailed), "NodeOnFire: x")]
    #[case::of_a_newer_node_that_waits(
        "Thinking",
        Phase::Starting,
        Some(Reason::ComponentNotReady),
        "Thinking: x"
    )]
    fn what_a_node_says(
        #[case] word: &str,
        #[case] phase: Phase,
        #[case] reason: Option<Reason>,
        #[case] message: &str,
    ) {
        let component = ComponentState {
            reason: word.to_owned(),
            message: "x".to_owned(),
            phase: phase.into(),
            ..ComponentState::default()
        };
        assert_eq!(said(&component), (reason, message.to_owned()));
    }
}
