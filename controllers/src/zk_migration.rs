//! ZkMigration: moves a live cluster in approved, reversible phases.
//!
//! ```text
//! resolve (spec, cluster) ─► trust (CA) ─┬► before the start: observe ─► preflight (pure) ─┐
//!                                        └► look (cluster, engines, ensembles, leader) ────┴► machine (pure) ─► report ─► act
//! ```
//!
//! Nothing here talks to nodes: what the cluster is to be at this moment is written into the form in the MesosCluster's
//! status, and the cluster's controller does it (docs/adr/a-migration-shapes-one-cluster.md). This version begins the
//! first five phases of a cluster of ours, and makes only the preflight of one that is named by addresses.

mod account;
mod act;
mod agents;
mod alerts;
mod audit;
mod batch;
mod clients;
mod ensemble;
mod failures;
mod goal;
mod look;
mod machine;
mod measure;
mod metrics;
mod observe;
mod paths;
mod preflight;
mod probe;
mod problem;
mod progress;
mod recorder;
mod report;
mod resolve;
mod target;
mod trust;
mod watched;

pub(crate) use metrics::MigrationMetrics;

use crate::controller::{Runtime, drive};
use crate::finalizers;
use crate::key::ObjectKey;
use crate::outcome::{Outcome, Transient, is_conflict};
use crate::report::status_of;
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::{Api, Client, ResourceExt};
use kube_runtime::{WatchStreamExt, watcher};
use machine::{Decision, Goal, Intent, Record, World};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{Direction, Phase, Stage, Waiting};
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use recorder::Recorder;
use std::sync::Arc;
use std::time::Duration;

/// A failed check is made again after this long; nothing tells us when the other side is repaired.
const CHECK_AGAIN: Duration = Duration::from_secs(60);

/// The machine looks again after this long; most changes come as triggers.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The last phase that this version begins.
const LAST_PHASE: Phase = Phase::DrainAgents;
/// Held while something of a migration exists.
const FINALIZER: &str = "mesolith.io/migration";
/// An object with this annotation may be deleted at any time; the cluster stays as it is.
const ABANDON_ANNOTATION: &str = "mesolith.io/abandon";

/// What this controller works with, for one term as leader.
struct Context {
    /// Reads clusters and Secrets.
    client: Client,
    /// Writes statuses and everything that comes with them.
    recorder: Recorder,
    /// Asks masters.
    http: reqwest::Client,
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
    /// What the cluster is to be.
    #[error("failed to write the form of the MesosCluster")]
    WriteForm(#[source] kube::Error),
    /// The MarathonApp of the probe task.
    #[error("failed to write the MarathonApp of the probe task")]
    WriteProbe(#[source] kube::Error),
    /// Finalizer.
    #[error("failed to write the finalizer")]
    WriteFinalizer(#[source] kube::Error),
    /// Audit log.
    #[error(transparent)]
    Audit(audit::Error),
}

impl Transient for Error {
    fn reason(&self) -> Reason {
        match self {
            Error::ReadCluster(_) => Reason::ReadCluster,
            Error::ReadAuthority(error) => error.reason(),
            Error::StartChecks(_) => Reason::StartChecks,
            Error::WriteStatus(_) => Reason::WriteStatus,
            Error::WriteForm(_) => Reason::WriteForm,
            Error::WriteProbe(_) => Reason::WriteProbe,
            Error::WriteFinalizer(_) => Reason::WriteFinalizer,
            Error::Audit(audit::Error::Read(..)) => Reason::ReadAudit,
            Error::Audit(audit::Error::Write(..)) => Reason::WriteAudit,
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteStatus(error)
            | Error::WriteForm(error)
            | Error::WriteProbe(error)
            | Error::WriteFinalizer(error) => is_conflict(error),
            Error::Audit(error) => error.is_conflict(),
            Error::ReadCluster(_) | Error::ReadAuthority(_) | Error::StartChecks(_) => false,
        }
    }
}

/// Runs the controller until it is dropped. Audit logs are in `namespace`, the operator's own.
pub(crate) async fn run(runtime: Runtime, namespace: String, metrics: MigrationMetrics) {
    let (client, reporter) = (runtime.client.clone(), runtime.reporter.clone());
    let cx = Arc::new(Context {
        client: client.clone(),
        recorder: Recorder::new(client, reporter, namespace, metrics),
        http: crate::http::client(),
    });
    let triggers = moving_clusters(&runtime.client);
    let reconcile = move |object| reconcile(object, cx.clone());
    drive::<ZkMigration, _, _, _>(runtime, "zkmigration", triggers, reconcile).await;
}

/// The migration of each cluster that moves, whenever the cluster changes.
fn moving_clusters(client: &Client) -> BoxStream<'static, ObjectKey> {
    let clusters = Api::<MesosCluster>::all(client.clone());
    let changed = watcher(clusters, watcher::Config::default())
        .default_backoff()
        .touched_objects();
    changed
        .filter_map(|cluster| async move {
            let form = cluster.ok()?.status?.form?;
            let (namespace, name) = form.migration.split_once('/')?;
            Some(ObjectKey {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        })
        .boxed()
}

async fn reconcile(object: Arc<ZkMigration>, cx: Arc<Context>) -> Result<Outcome, Error> {
    let at = progress::record(&status_of(&*object));
    let deleted = object.metadata.deletion_timestamp.is_some();
    cx.recorder.catch_up(&object).await?;
    if deleted && (at.is_clean() || object.annotations().contains_key(ABANDON_ANNOTATION)) {
        if !at.is_clean() && !cx.recorder.abandoned(&object).await? {
            return Ok(Outcome::Waiting {
                reason: Reason::Abandoned,
                again: None,
            }); // the write comes back as a trigger
        }
        let released = finalizers::remove(&cx.client, &*object, FINALIZER).await;
        released.map_err(Error::WriteFinalizer)?;
        cx.recorder.forget(&object);
        return Ok(Outcome::Done);
    }
    let cluster = source_cluster(&object, &cx.client).await?;
    if is_through(&object, &at, cluster.as_ref()) {
        if deleted {
            let released = finalizers::remove(&cx.client, &*object, FINALIZER).await;
            released.map_err(Error::WriteFinalizer)?;
            cx.recorder.forget(&object);
            return Ok(Outcome::Done);
        }
        return report::through(&object, &cx.recorder).await;
    }
    let sides = match resolve::resolve(&object.spec, cluster.as_ref()) {
        Ok(sides) => sides,
        Err(resolve::Error::Invalid(problem)) => {
            return report::invalid(&object, &cx.recorder, &problem).await;
        }
        Err(resolve::Error::ClusterNotFound(problem)) => {
            return report::no_cluster(&object, &cx.recorder, &problem).await;
        }
    };
    let dial = trust::dial(&object, cluster.as_ref(), &cx.client).await?;
    let Some(cluster) = cluster else {
        let facts = observe::observe(&sides, dial).await?;
        let checks = preflight::checks(&object.spec, &sides, &facts);
        return report::checked(&object, &cx.recorder, &sides, &checks).await;
    };
    let goal = match goal::goal(&object, &cluster) {
        Ok(goal) => goal,
        Err(problem) => return report::invalid(&object, &cx.recorder, &problem).await,
    };
    if !deleted {
        let added = finalizers::add(&cx.client, &*object, FINALIZER).await;
        if added.map_err(Error::WriteFinalizer)? {
            return Ok(Outcome::Waiting {
                reason: Reason::Starting,
                again: None,
            }); // the write comes back as a trigger
        }
    }
    // Before the start the nodes of the target are asked; later the cluster's controller does.
    let (dial, checks) = if at.is_clean() {
        let facts = observe::observe(&sides, dial).await?;
        (None, preflight::checks(&object.spec, &sides, &facts))
    } else {
        (dial.ok(), Vec::new())
    };
    let world = look::look(
        &object,
        &cluster,
        &goal,
        dial.as_ref(),
        &checks,
        &cx.client,
        &cx.http,
    )
    .await;
    let decision = decide(&at, Intent::of(&object, world.now), &goal, &world);
    let outcome = report::progress(&object, &cx.recorder, &sides, &checks, &decision, &world).await?;
    if let Decision::Act(effect) = decision {
        act::act(&cx.client, &object, &cluster, effect).await?;
    }
    Ok(outcome)
}

/// Whether everything is done: cluster A was deleted as approved, and the cluster is its spec again.
fn is_through(object: &ZkMigration, at: &Record, cluster: Option<&MesosCluster>) -> bool {
    let form = cluster.and_then(|cluster| cluster.status.as_ref()?.form.as_ref());
    let shaped = form.is_some_and(|form| Some(&form.uid) == object.metadata.uid.as_ref());
    let evidence = object.status.as_ref().and_then(|status| status.evidence.as_ref());
    let deleted = evidence.is_some_and(|evidence| evidence.facts.contains_key(machine::DELETES));
    at.is_complete() && deleted && !shaped
}

/// What the machine decides, but for phases that this version does not begin.
fn decide(at: &Record, intent: Intent, goal: &Goal, world: &World) -> Decision {
    match machine::decide(at, intent, goal, world) {
        Decision::Move { to, .. } if begins(&to) && to.phase > LAST_PHASE => Decision::Wait(vec![Waiting {
            reason: Reason::PhasesUnavailable.to_string(),
            message: report::NO_PHASES.to_owned(),
            command: None,
        }]),
        decision => decision,
    }
}

/// Whether a phase begins with this record.
fn begins(to: &Record) -> bool {
    to.stage == Stage::Acting && to.direction == Direction::Forward
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
