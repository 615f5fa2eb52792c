//! MesosCluster: ZooKeeper, masters and agents on bare-metal nodes.
//!
//! ```text
//! validate ─► build ─► observe ─► decide ─► report ─► act
//!  (spec)     (sets)   (nodes)    (pure)    (status)  (node calls)
//! ```
//!
//! The report comes before the act: server ids, the nodes that will hold something and the plan are on record before
//! anything is sent. What the act brings about comes back through the nodes' watches and triggers the next round.

mod act;
mod apps;
mod build;
mod credentials;
mod decide;
mod delete;
mod departures;
mod drain;
#[cfg(test)]
mod fixtures;
mod ids;
mod leader;
pub(crate) mod model;
mod observe;
mod report;
mod validate;

pub(crate) use credentials::{Dials, Error as CredentialsError, secret_name, stored_authority};

use crate::context::Context;
use crate::controller::{Trigger, drive};
use crate::nodes::Owner;
use crate::outcome::{Outcome, Transient, is_conflict};
use decide::Rules;
use futures::StreamExt;
use kube::ResourceExt;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::RemovalMode;
use std::sync::Arc;
use std::time::Duration;

/// Resources and tasks come from the leader by asking: nothing tells the operator when they change.
const LOOK_AT_LEADER: Duration = Duration::from_secs(15);

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Cluster CA or operator certificate.
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    /// Finalizer.
    #[error("failed to write the finalizer")]
    WriteFinalizer(#[source] kube::Error),
    /// Status.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
    /// A node did not do what it was told.
    #[error(transparent)]
    CallNode(#[from] crate::nodes::Error),
}

impl Transient for Error {
    fn reason(&self) -> &'static str {
        match self {
            Error::Credentials(error) => error.reason(),
            Error::WriteFinalizer(_) => "WriteFinalizer",
            Error::WriteStatus(_) => "WriteStatus",
            Error::CallNode(_) => "CallNode",
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteFinalizer(error) | Error::WriteStatus(error) => is_conflict(error),
            Error::Credentials(error) => error.is_conflict(),
            Error::CallNode(_) => false,
        }
    }
}

/// Runs the controller until it is dropped.
pub(crate) async fn run(cx: Arc<Context>) {
    let triggers = cx.take_cluster_triggers();
    drive::<MesosCluster, _, _, _>(cx, "mesoscluster", triggers.boxed(), reconcile).await;
}

async fn reconcile(cluster: Arc<MesosCluster>, cx: Arc<Context>) -> Result<Outcome, Error> {
    let owner = Owner {
        uid: cluster.uid().unwrap_or_default(),
        object: Trigger {
            namespace: cluster.namespace().unwrap_or_default(),
            name: cluster.name_any(),
        },
    };
    if cluster.metadata.deletion_timestamp.is_some() {
        return delete::reconcile(&cluster, &cx, &owner).await;
    }
    if delete::add_finalizer(&cluster, &cx).await? {
        return Ok(Outcome::Waiting {
            reason: "Starting",
            again: None,
        }); // the write comes back as a trigger
    }
    let valid = match validate::validate(&owner.object.name, &cluster.spec) {
        Ok(valid) => valid,
        Err(error) => return report::invalid(&cluster, &cx, &error.to_string()).await,
    };
    let before = crate::report::status_of(&*cluster);
    let ids = ids::assign(&before.zookeeper_ids, &valid.zookeeper);
    let desired = build::build(&cluster.spec, &valid, &ids);
    let dial = match credentials::dial(&cluster, &cx, valid.mtls).await {
        Ok(dial) => dial,
        Err(error) => return report::no_credentials(&cluster, &cx, error).await,
    };
    let world = observe::observe(&cx, &owner, &valid, &before, &desired, &dial).await;
    let rules = Rules {
        paused: cluster.spec.paused,
        force_removal: cluster.spec.agent_removal.mode == RemovalMode::Force,
        generation: cluster
            .metadata
            .generation
            .and_then(|g| u64::try_from(g).ok())
            .unwrap_or(0),
    };
    let decision = decide::decide(&desired, &world, rules);
    let now = jiff::Timestamp::now();
    // Paused: nothing is moved either.
    let draining = if rules.paused {
        Vec::new()
    } else {
        drain::record(&before.draining_agents, &desired, &world, now)
    };
    let limit = cluster.spec.agent_removal.timeout();
    let overdue = drain::overdue(&draining, &decision.waits, limit, now);
    let facts = leader::ask(&cx, &valid, &world).await;
    let seen = report::Seen {
        valid: &valid,
        desired: &desired,
        world: &world,
        decision: &decision,
        leader: &facts,
        ids,
        draining: &draining,
        overdue: overdue.as_ref(),
        paused: rules.paused,
    };
    let outcome = report::report(&cluster, &cx, &before, seen).await?;
    act::act(&cx, &owner, decision.effects).await?;
    Ok(outcome)
}
