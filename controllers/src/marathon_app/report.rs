//! Writes the status when it has changed, and events on transitions.

use super::assess::{self, Wait};
use super::clusters::{self, ClusterFacts};
use super::error::Error;
use super::{validate, without_effect};
use crate::outcome::Outcome;
use crate::report::{Announced, Finding, Reporter, status_of};
use crate::scheduler::{AppView, Link};
use jiff::Timestamp;
use kube::ResourceExt;
use mesolith_crds::Reason;
use mesolith_crds::condition::{self, READY, STALLED};
use mesolith_crds::v1alpha1::{MarathonApp, MarathonAppStatus};
use mesolith_marathon::App;
use std::time::Duration;

/// Pause before a missing picture is looked for. The scheduler's trigger brings it; this is for a lost trigger.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Reports the scheduler's picture of the app.
pub(super) async fn report(
    object: &MarathonApp,
    reporter: &Reporter,
    app: &App,
    cluster: &ClusterFacts,
    view: &AppView,
) -> Result<Outcome, Error> {
    let before = status_of(object);
    // A picture of another definition, or from before the tasks are known, would only make the status flap.
    let known = view.version.as_deref() == Some(&app.version) && view.wanted == app.definition.instances;
    let settled = matches!(view.link, Link::Subscribed | Link::Failing(_));
    let first = condition::find(&before.conditions, "Ready").is_none();
    let telling = first || (known && settled);
    if !telling {
        return Ok(Outcome::Waiting {
            reason: Reason::WaitingForScheduler,
            again: Some(LOOK_AGAIN),
        });
    }
    let wait = assess::wait(app, view, cluster.not_ready.as_deref());
    let changed = validate::changed(object);
    let name = format!("{}/{}", cluster.key.namespace, cluster.key.name);
    let selector = selector(object);
    let names = assess::Names {
        changed: &changed,
        cluster: Some(&name),
        selector: &selector,
    };
    let after = assess::status(&before, app, names, view, wait.as_ref(), Timestamp::now());
    let stays = clusters::stays(
        cluster,
        &object.namespace().unwrap_or_default(),
        object.spec.cluster_ref.as_ref(),
    );
    let mut findings = assess::findings(app, wait.as_ref()).to_vec();
    findings.extend(stays.map(|why| Finding::yes("Stalled", Reason::ClusterChanged, why)));
    write(object, reporter, after, &findings).await?;
    Ok(match wait {
        None => Outcome::Done,
        Some(Wait { reason, .. }) => Outcome::Waiting { reason, again: None },
    })
}

/// Reports an invalid definition; instances that run go on as they are.
pub(super) async fn invalid(
    object: &MarathonApp,
    reporter: &Reporter,
    problem: &str,
) -> Result<Outcome, Error> {
    let message = format!("{problem}. What already runs is left as it is.");
    let findings = [
        Finding::no("Ready", Reason::InvalidSpec, message.clone()),
        Finding::yes("Stalled", Reason::InvalidSpec, message),
        Finding::no("Reconciling", Reason::InvalidSpec, ""),
    ];
    let before = status_of(object);
    let after = MarathonAppStatus {
        app_id: Some(object.app_id()),
        summary: format!("Invalid: {problem}").chars().take(1000).collect(),
        ..before.clone()
    };
    write(object, reporter, after, &findings).await?;
    Ok(Outcome::Invalid {
        reason: Reason::InvalidSpec,
    })
}

/// Reports that there is no cluster to run on.
pub(super) async fn no_cluster(
    object: &MarathonApp,
    reporter: &Reporter,
    app: &App,
    reason: Reason,
    message: &str,
) -> Result<Outcome, Error> {
    let wait = Wait {
        reason,
        message: message.to_owned(),
        instances: app.definition.instances as usize,
    };
    let before = status_of(object);
    let changed = validate::changed(object);
    let selector = selector(object);
    let names = assess::Names {
        changed: &changed,
        cluster: None,
        selector: &selector,
    };
    let after = assess::status(
        &before,
        app,
        names,
        &AppView::default(),
        Some(&wait),
        Timestamp::now(),
    );
    write(object, reporter, after, &assess::findings(app, Some(&wait))).await?;
    Ok(Outcome::Waiting { reason, again: None })
}

/// Reports that the object is being deleted and its tasks are being stopped.
pub(super) async fn stopping(
    object: &MarathonApp,
    reporter: &Reporter,
    view: &AppView,
) -> Result<Outcome, Error> {
    let message = match (&view.link, view.instances.len()) {
        (Link::Failing(why), _) => {
            format!("Cannot stop the instances: {why}. To give them up, delete the MesosCluster first")
        }
        (_, 0) => "Looking for instances to stop".to_owned(),
        (_, n) => format!("{n} instances still to stop"),
    };
    let findings = [
        Finding::no("Ready", Reason::DeletingInstances, message.clone()),
        Finding::yes("Reconciling", Reason::DeletingInstances, message.clone()),
    ];
    let before = status_of(object);
    let after = MarathonAppStatus {
        summary: format!("Stopping: {message}"),
        waiting: None,
        ..before.clone()
    };
    write(object, reporter, after, &findings).await?;
    Ok(Outcome::Waiting {
        reason: Reason::DeletingInstances,
        again: Some(LOOK_AGAIN),
    })
}

fn selector(object: &MarathonApp) -> String {
    format!("mesolith.io/app={}", object.name_any())
}

async fn write(
    object: &MarathonApp,
    reporter: &Reporter,
    mut after: MarathonAppStatus,
    findings: &[Finding],
) -> Result<(), Error> {
    let mut findings = findings.to_vec();
    findings.extend(without_effect::finding(&object.spec));
    // These two are there only while they have something to say.
    after.conditions.retain(|condition| {
        let passing = [STALLED, without_effect::CONDITION].contains(&condition.type_.as_str());
        !passing || findings.iter().any(|finding| finding.kind == condition.type_)
    });
    let announced = Announced::Only(&[READY, without_effect::CONDITION]);
    reporter
        .report(object, after, &findings, announced)
        .await
        .map_err(Error::WriteStatus)
}
