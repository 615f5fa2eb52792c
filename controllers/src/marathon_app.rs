//! MarathonApp: hands definitions to the scheduler of their cluster, and reports what has become of them.
//!
//! ```text
//! validate ─► resolve the cluster ─► framework id on record ─► desire ─► view ─► assess (pure) ─► report
//! ```
//!
//! Placing, restarting, scaling and replacing happen in [`scheduler`](crate::scheduler), which needs no Kubernetes;
//! its changes come back as triggers.

mod assess;
mod caretaker;
mod clusters;
mod finish;
mod frameworks;
mod report;
mod strays;
mod trace;
mod validate;
mod without_effect;

pub(crate) use frameworks::Frameworks;

use crate::context::Context;
use crate::controller::{Trigger, drive};
use crate::outcome::{Outcome, Transient, is_conflict};
use crate::scheduler::{Desired, Link};
use clusters::Resolution;
use futures::StreamExt;
use kube::ResourceExt;
use mesolith_crds::v1alpha1::MarathonApp;
use std::sync::Arc;
use std::time::Duration;

/// Kept until the scheduler has stopped every task of the app.
const FINALIZER: &str = "mesolith.io/marathon-app";
/// Pause before a missing picture is looked for. The scheduler's trigger brings it; this is for a lost trigger.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Finalizer.
    #[error("failed to write the finalizer")]
    WriteFinalizer(#[source] kube::Error),
    /// Status.
    #[error("failed to write the status")]
    WriteStatus(#[source] kube::Error),
    /// The framework id of the cluster.
    #[error("failed to put the framework id on record")]
    WriteFrameworkId(#[source] kube::Error),
    /// HTTP client of the scheduler.
    #[error("failed to start the scheduler")]
    StartScheduler(#[source] reqwest::Error),
}

impl Transient for Error {
    fn reason(&self) -> &'static str {
        match self {
            Error::WriteFinalizer(_) => "WriteFinalizer",
            Error::WriteStatus(_) => "WriteStatus",
            Error::WriteFrameworkId(_) => "WriteFrameworkId",
            Error::StartScheduler(_) => "StartScheduler",
        }
    }

    fn is_conflict(&self) -> bool {
        match self {
            Error::WriteFinalizer(error) | Error::WriteStatus(error) | Error::WriteFrameworkId(error) => {
                is_conflict(error)
            }
            Error::StartScheduler(_) => false,
        }
    }
}

/// Runs the controller until it is dropped.
pub(crate) async fn run(cx: Arc<Context>) {
    cx.spawn(clusters::follow(cx.client.clone(), cx.frameworks.clone()));
    cx.spawn(caretaker::run(cx.clone()));
    let triggers = futures::stream::unfold(cx.frameworks.clone(), |frameworks| async move {
        frameworks
            .next_trigger()
            .await
            .map(|trigger| (trigger, frameworks))
    });
    drive::<MarathonApp, _, _, _>(cx, "marathonapp", triggers.boxed(), reconcile).await;
}

async fn reconcile(object: Arc<MarathonApp>, cx: Arc<Context>) -> Result<Outcome, Error> {
    let key = Trigger {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    };
    let bound = object
        .status
        .as_ref()
        .and_then(|status| status.cluster.as_deref());
    let resolution = cx
        .frameworks
        .resolve(&key, object.spec.cluster_ref.as_ref(), bound);
    if object.metadata.deletion_timestamp.is_some() {
        return finish::finish(&object, &cx, &key, resolution).await;
    }
    let app = match validate::app(&object) {
        Ok(app) => Arc::new(app),
        Err(problem) => return report::invalid(&object, &cx, &problem).await,
    };
    let cluster = match resolution {
        Resolution::Found(cluster) => *cluster,
        Resolution::Unknown => {
            return Ok(Outcome::Waiting {
                reason: "WaitingForClusters",
                again: Some(LOOK_AGAIN),
            });
        }
        Resolution::Not { reason, message } => {
            return report::no_cluster(&object, &cx, &app, reason, &message).await;
        }
    };
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        finish::add_finalizer(&object, &cx).await?;
        // The write comes back as a trigger.
        return Ok(Outcome::Waiting {
            reason: "Starting",
            again: None,
        });
    }
    let framework = cx.frameworks.on_record(&cx, &cluster).await?;
    let scheduler = cx
        .frameworks
        .scheduler(&cluster, framework, &cx.identity)
        .map_err(Error::StartScheduler)?;
    let before = crate::report::status_of(&*object);
    scheduler.desire(
        key.clone(),
        Desired {
            app: app.clone(),
            changed: validate::changed(&object),
            remembered: validate::remembered(&before),
            trace: trace::parent(),
        },
    );
    let view = scheduler.view(&key);
    match view.link {
        // Only the leader reconciles, so the framework is ours to take back.
        Link::TakenOver => scheduler.resume(),
        Link::Removed => cx.frameworks.renew(&cx, &cluster).await?,
        Link::Connecting | Link::Failing(_) | Link::Subscribed | Link::Recovering => {}
    }
    report::report(&object, &cx, &app, &cluster, &view).await
}
