//! The end of an app: every task is stopped before the object goes.

use super::clusters::Resolution;
use super::context::Context;
use super::error::Error;
use super::report::{self, LOOK_AGAIN};
use super::validate;
use crate::finalizers;
use crate::outcome::Outcome;
use crate::report::status_of;
use crate::scheduler::{AppKey, Desired, Link};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::MarathonApp;
use mesolith_marathon::App;
use std::sync::Arc;

/// Kept until the scheduler has stopped every task of the app.
pub(super) const FINALIZER: &str = "mesolith.io/marathon-app";

/// Stops the tasks, then lets the object go. With its cluster gone there is nothing left to stop.
pub(super) async fn finish(
    object: &MarathonApp,
    cx: &Context,
    key: &AppKey,
    resolution: Resolution,
) -> Result<Outcome, Error> {
    if !finalizers::has(object, FINALIZER) {
        cx.frameworks.forget(key);
        return Ok(Outcome::Done);
    }
    let cluster = match resolution {
        Resolution::Unknown => {
            return Ok(Outcome::Waiting {
                reason: Reason::WaitingForClusters,
                again: Some(LOOK_AGAIN),
            });
        }
        Resolution::Found(cluster)
            if cluster.framework.is_some() || cx.frameworks.running(&cluster.key).is_some() =>
        {
            cluster
        }
        // There is no cluster, or one on which nothing was ever started.
        Resolution::Found(_) | Resolution::Not { .. } => return release(object, cx, key).await,
    };
    let Some(app) = nothing_of(object) else {
        return release(object, cx, key).await;
    };
    let framework = cx.frameworks.on_record(&cx.client, &cluster).await?;
    let scheduler = cx
        .frameworks
        .scheduler(&cluster, framework, &cx.identity)
        .map_err(Error::StartScheduler)?;
    let before = status_of(object);
    let desired = Desired {
        app: Arc::new(app),
        changed: validate::changed(object),
        remembered: validate::remembered(&before),
        trace: super::trace::parent(),
    };
    scheduler.desire(key.clone(), desired);
    let view = scheduler.view(key);
    match view.link {
        Link::TakenOver => scheduler.resume(),
        // The master killed the tasks of a framework it removed.
        Link::Removed => return release(object, cx, key).await,
        Link::Connecting | Link::Failing(_) | Link::Subscribed | Link::Recovering => {}
    }
    if view.link == Link::Subscribed
        && view.version.is_some()
        && view.wanted == 0
        && view.instances.is_empty()
    {
        return release(object, cx, key).await;
    }
    report::stopping(object, &cx.reporter, &view).await
}

/// The same app with no instances; a spec that is no longer valid still has a path.
fn nothing_of(object: &MarathonApp) -> Option<App> {
    let mut app = validate::app(object).ok().or_else(|| {
        let minimal = serde_json::json!({"id": object.app_id(), "cmd": "true"});
        App::parse(minimal).ok()
    })?;
    app.definition.instances = 0;
    // Stopping the last instances must not wait for healthy ones.
    app.definition.upgrade_strategy.minimum_health_capacity = 0.0;
    Some(app)
}

async fn release(object: &MarathonApp, cx: &Context, key: &AppKey) -> Result<Outcome, Error> {
    finalizers::remove(&cx.client, object, FINALIZER)
        .await
        .map_err(Error::WriteFinalizer)?;
    cx.frameworks.forget(key);
    Ok(Outcome::Done)
}
