//! From the world to the status: conditions with typed reasons, counts, plan, nodes. Pure up to the write.

mod conditions;
mod sides;
mod status;

use super::adopt::Adoption;
use super::decide::Decision;
use super::error::Error;
use super::leader::LeaderFacts;
use super::managed;
use super::model::{Desired, World};
use super::sides::Sides;
use crate::nodes::{CredentialsError, Ids, NodeView};
use crate::outcome::Outcome;
use crate::problem::Problem;
use crate::report::{Announced, Finding, Reporter, status_of};
use mesolith_crds::Reason;
use mesolith_crds::condition;
use mesolith_crds::v1alpha1::mesos_cluster::DrainingAgent;
use mesolith_crds::v1alpha1::{MesosCluster, MesosClusterStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Resources and tasks come from the leader by asking: nothing tells the operator when they change.
const LOOK_AT_LEADER: Duration = Duration::from_secs(15);
/// The same while agents leave, which go when their last task has.
const LOOK_AT_DRAIN: Duration = Duration::from_secs(2);

/// Everything a report is made from.
pub(crate) struct Seen<'a> {
    /// The sides of the cluster, parsed.
    pub(crate) sides: &'a Sides,
    /// What is wanted.
    pub(crate) desired: &'a Desired,
    /// What was observed.
    pub(crate) world: &'a World,
    /// What will be done.
    pub(crate) decision: &'a Decision,
    /// What the leader says.
    pub(crate) leader: &'a LeaderFacts,
    /// The ids of components on nodes.
    pub(crate) ids: &'a Ids,
    /// Agents that are to leave.
    pub(crate) draining: &'a [DrainingAgent],
    /// The drain that takes too long.
    pub(crate) overdue: Option<&'a Problem>,
    /// Whether the cluster is paused, so that nothing is changed.
    pub(crate) paused: bool,
    /// How far the spec is behind what a migration has made of the cluster.
    pub(crate) adoption: Option<&'a Adoption>,
}

/// Writes the status if it changed, events on transitions; returns the outcome of the reconcile.
pub(crate) async fn report(
    cluster: &MesosCluster,
    reporter: &Reporter,
    before: &MesosClusterStatus,
    seen: Seen<'_>,
) -> Result<Outcome, Error> {
    if is_asking(cluster.metadata.generation, before, &seen) {
        return Ok(Outcome::Waiting {
            reason: Reason::WaitingForAnswer,
            again: Some(LOOK_AT_LEADER),
        });
    }
    let findings = conditions::findings(&seen);
    let mut after = status::status(before, &seen);
    let targets: BTreeSet<&str> = seen
        .decision
        .effects
        .iter()
        .map(|effect| effect.node.as_str())
        .collect();
    let nodes = seen.sides.nodes().into_iter();
    let addresses = nodes.map(|(name, node)| (name, node.address)).collect();
    after.managed_nodes = managed::after(
        &before.managed_nodes,
        &addresses,
        seen.desired,
        &seen.world.nodes,
        &targets,
    );
    let again = if seen.draining.is_empty() {
        LOOK_AT_LEADER
    } else {
        LOOK_AT_DRAIN
    };
    let outcome = conditions::outcome(&findings, again);
    write(cluster, reporter, after, &findings).await?;
    Ok(outcome)
}

/// Whether nodes are still to answer after a start. Until then the status of the earlier operator holds: otherwise each
/// restart would take Ready away and give it back.
fn is_asking(generation: Option<i64>, before: &MesosClusterStatus, seen: &Seen<'_>) -> bool {
    let asked = seen.world.nodes.values().any(|view| *view == NodeView::Unknown);
    let told = before.observed_generation == generation && !before.conditions.is_empty();
    asked && told && seen.decision.effects.is_empty()
}

/// Reports an invalid spec: nothing is changed until it is valid.
pub(crate) async fn invalid(
    cluster: &MesosCluster,
    reporter: &Reporter,
    problem: &str,
) -> Result<Outcome, Error> {
    let findings = [
        Finding::no("Ready", Reason::InvalidSpec, problem),
        Finding::yes("Stalled", Reason::InvalidSpec, problem),
        Finding::no("Reconciling", Reason::InvalidSpec, ""),
    ];
    let before = status_of(cluster);
    write(cluster, reporter, before, &findings).await?;
    Ok(Outcome::Invalid {
        reason: Reason::InvalidSpec,
    })
}

/// Reports that there is no CA, without which no node can be reached.
pub(crate) async fn no_credentials(
    cluster: &MesosCluster,
    reporter: &Reporter,
    error: CredentialsError,
) -> Result<Outcome, Error> {
    let message = crate::outcome::chain(&error);
    let findings = [
        Finding::no("Ready", error.reason(), message.clone()),
        Finding::yes("Stalled", error.reason(), message),
    ];
    let before = status_of(cluster);
    write(cluster, reporter, before, &findings).await?;
    Err(error.into())
}

/// Whether the progress of a deletion was reported before.
pub(crate) fn is_deleting(before: &MesosClusterStatus) -> bool {
    let reconciling = condition::find(&before.conditions, "Reconciling");
    reconciling.is_some_and(|found| Reason::Deleting == *found.reason)
}

/// Reports the progress of a deletion, with the first wait; returns its reason.
pub(crate) async fn deleting(
    cluster: &MesosCluster,
    reporter: &Reporter,
    before: &MesosClusterStatus,
    managed: &BTreeMap<String, String>,
    leaving: Vec<DrainingAgent>,
    waits: &[Problem],
) -> Result<Reason, Error> {
    let (reason, findings) = conditions::deleting(managed, waits);
    let after = MesosClusterStatus {
        managed_nodes: managed.clone(),
        draining_agents: leaving,
        plan: Vec::new(),
        ..before.clone()
    };
    write(cluster, reporter, after, &findings).await?;
    Ok(reason)
}

async fn write(
    cluster: &MesosCluster,
    reporter: &Reporter,
    after: MesosClusterStatus,
    findings: &[Finding],
) -> Result<(), Error> {
    reporter
        .report(cluster, after, findings, Announced::All)
        .await
        .map_err(Error::WriteStatus)
}
