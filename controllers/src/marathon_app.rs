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
mod context;
mod error;
mod finish;
mod follow;
mod frameworks;
mod report;
mod strays;
mod trace;
mod validate;
mod without_effect;

pub(crate) use frameworks::Frameworks;

use crate::controller::{Runtime, drive};
use crate::finalizers;
use crate::key::ObjectKey;
use crate::leader::Term;
use crate::outcome::Outcome;
use crate::report::status_of;
use crate::scheduler::{Desired, Link};
use clusters::Resolution;
use context::Context;
use error::Error;
use futures::StreamExt;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::MarathonApp;
use std::sync::Arc;

/// Runs the controller until it is dropped.
///
/// `frameworks` outlives the term; `identity` is the name of this replica.
pub(crate) async fn run(runtime: Runtime, term: Term, frameworks: Frameworks, identity: String) {
    let cx = Arc::new(Context {
        client: runtime.client.clone(),
        reporter: runtime.reporter.clone(),
        frameworks: frameworks.clone(),
        identity,
    });
    term.spawn(follow::run(cx.client.clone(), frameworks.clone()));
    term.spawn(caretaker::run(cx.clone()));
    let triggers = futures::stream::unfold(frameworks, |frameworks| async move {
        frameworks
            .next_trigger()
            .await
            .map(|trigger| (trigger, frameworks))
    });
    let reconcile = move |object| reconcile(object, cx.clone());
    drive::<MarathonApp, _, _, _>(runtime, "marathonapp", triggers.boxed(), reconcile).await;
}

async fn reconcile(object: Arc<MarathonApp>, cx: Arc<Context>) -> Result<Outcome, Error> {
    let key = ObjectKey::of(&*object);
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
        Err(problem) => return report::invalid(&object, &cx.reporter, &problem).await,
    };
    let cluster = match resolution {
        Resolution::Found(cluster) => *cluster,
        Resolution::Unknown => {
            return Ok(Outcome::Waiting {
                reason: Reason::WaitingForClusters,
                again: Some(report::LOOK_AGAIN),
            });
        }
        Resolution::Not { reason, message } => {
            return report::no_cluster(&object, &cx.reporter, &app, reason, &message).await;
        }
    };
    let added = finalizers::add(&cx.client, &*object, finish::FINALIZER).await;
    if added.map_err(Error::WriteFinalizer)? {
        // The write comes back as a trigger.
        return Ok(Outcome::Waiting {
            reason: Reason::Starting,
            again: None,
        });
    }
    let framework = cx.frameworks.on_record(&cx.client, &cluster).await?;
    let scheduler = cx
        .frameworks
        .scheduler(&cluster, framework, &cx.identity)
        .map_err(Error::StartScheduler)?;
    let before = status_of(&*object);
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
        Link::Removed => cx.frameworks.renew(&cx.client, &cluster).await?,
        Link::Connecting | Link::Failing(_) | Link::Subscribed | Link::Recovering => {}
    }
    report::report(&object, &cx.reporter, &app, &cluster, &view).await
}
