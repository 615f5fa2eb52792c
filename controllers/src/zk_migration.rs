//! ZkMigration: the spec is validated and the preflight is made; phases cannot run in this version, and it says so.
//!
//! ```text
//! resolve (spec, cluster) ─► trust (CA) ─► observe (servers, masters, nodes) ─► decide (pure) ─► report
//! ```
//!
//! `Ready=True` means: the spec is valid and every preflight check passed. Nothing is changed anywhere, so there is
//! nothing to undo and no finalizer.

#[expect(dead_code, reason = "the phases will call it")]
mod alerts;
mod decide;
mod metrics;
mod observe;
mod problem;
mod report;
mod resolve;
mod target;
mod trust;

pub(crate) use metrics::MigrationMetrics;

use crate::controller::{Runtime, drive};
use crate::outcome::{Outcome, Transient, is_conflict};
use crate::report::Reporter;
use futures::StreamExt;
use kube::{Api, Client, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use std::sync::Arc;
use std::time::Duration;

/// A failed check is made again after this long; nothing tells us when the other side is repaired.
const CHECK_AGAIN: Duration = Duration::from_secs(60);

/// What this controller works with, for one term as leader.
struct Context {
    /// Reads clusters and Secrets.
    client: Client,
    /// Writes statuses and events.
    reporter: Reporter,
}

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The cluster of `spec.source.clusterRef`.
    #[error("failed to read the MesosCluster of spec.source.clusterRef")]
    ReadCluster(#[source] kube::Error),
    /// The Secret with the CA of the target's nodes.
    #[error(transparent)]
    ReadAuthority(crate::nodes::CredentialsError),
    /// HTTP client of the checks.
    #[error("failed to set up the checks")]
    StartChecks(#[source] reqwest::Error),
    /// Status.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
}

impl Transient for Error {
    fn reason(&self) -> Reason {
        match self {
            Error::ReadCluster(_) => Reason::ReadCluster,
            Error::ReadAuthority(error) => error.reason(),
            Error::StartChecks(_) => Reason::StartChecks,
            Error::WriteStatus(_) => Reason::WriteStatus,
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteStatus(error) => is_conflict(error),
            Error::ReadCluster(_) | Error::ReadAuthority(_) | Error::StartChecks(_) => false,
        }
    }
}

/// Runs the controller until it is dropped.
pub(crate) async fn run(runtime: Runtime) {
    let cx = Arc::new(Context {
        client: runtime.client.clone(),
        reporter: runtime.reporter.clone(),
    });
    let triggers = futures::stream::pending().boxed();
    let reconcile = move |object| reconcile(object, cx.clone());
    drive::<ZkMigration, _, _, _>(runtime, "zkmigration", triggers, reconcile).await;
}

async fn reconcile(object: Arc<ZkMigration>, cx: Arc<Context>) -> Result<Outcome, Error> {
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Done);
    }
    let cluster = source_cluster(&object, &cx.client).await?;
    let sides = match resolve::resolve(&object.spec, cluster.as_ref()) {
        Ok(sides) => sides,
        Err(resolve::Error::Invalid(problem)) => {
            return report::invalid(&object, &cx.reporter, &problem).await;
        }
        Err(resolve::Error::ClusterNotFound(problem)) => {
            return report::no_cluster(&object, &cx.reporter, &problem).await;
        }
    };
    let dial = trust::dial(&object, cluster.as_ref(), &cx.client).await?;
    let facts = observe::observe(&sides, dial).await?;
    let checks = decide::checks(&object.spec, &sides, &facts);
    report::report(&object, &cx.reporter, &sides, &checks).await
}

async fn source_cluster(object: &ZkMigration, client: &Client) -> Result<Option<MesosCluster>, Error> {
    let Some(wanted) = &object.spec.source.cluster_ref else {
        return Ok(None);
    };
    let namespace = wanted
        .namespace
        .clone()
        .or_else(|| object.namespace())
        .unwrap_or_default();
    let api: Api<MesosCluster> = Api::namespaced(client.clone(), &namespace);
    api.get_opt(&wanted.name).await.map_err(Error::ReadCluster)
}
