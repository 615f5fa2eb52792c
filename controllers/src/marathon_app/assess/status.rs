//! The status of an app after a reconcile.

use super::{Counts, Wait, counts, seconds, wanted};
use crate::scheduler::AppView;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::MarathonAppStatus;
use mesolith_crds::v1alpha1::marathon_app::{InstanceStatus, LastTaskFailure, WaitingStatus};
use mesolith_marathon::instance::{Health, State};
use mesolith_marathon::{App, Instance};

/// More instances than this are counted but not listed: a status must stay readable and small.
const MOST_LISTED: usize = 128;
/// Longest text of a status field.
const TEXT_LIMIT: usize = 1024;

/// What a status says beside the scheduler's picture.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Names<'a> {
    /// Marathon's version.
    pub(in super::super) changed: &'a str,
    /// `namespace/name` of the cluster, if there is one.
    pub(in super::super) cluster: Option<&'a str>,
    /// For the scale subresource.
    pub(in super::super) selector: &'a str,
}

/// The status after this reconcile.
pub(in super::super) fn status(
    before: &MarathonAppStatus,
    app: &App,
    names: Names<'_>,
    view: &AppView,
    wait: Option<&Wait>,
    now: Timestamp,
) -> MarathonAppStatus {
    let counts = counts(app, view);
    let wanted = wanted(app);
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    MarathonAppStatus {
        app_id: Some(app.id.to_string()),
        cluster: names.cluster.map(str::to_owned),
        version: Some(names.changed.to_owned()),
        instances: number(counts.running),
        healthy_instances: number(counts.healthy),
        updated_instances: number(counts.updated),
        instances_summary: format!("{}/{wanted}", counts.running),
        selector: Some(names.selector.to_owned()),
        summary: short(&summary(app, &counts, wait)),
        waiting: wait.map(|wait| waiting(before, wait, now)),
        instance_list: list(view),
        last_task_failure: view.last_failure.as_ref().map_or_else(
            || before.last_task_failure.clone(),
            |failure| {
                Some(LastTaskFailure {
                    task_id: failure.task.clone(),
                    state: failure.state.to_owned(),
                    message: short(&failure.message),
                    host: Some(failure.host.clone()),
                    version: Some(failure.version.clone()),
                    at: Some(Time(seconds(failure.at))),
                })
            },
        ),
        ..before.clone()
    }
}

fn summary(app: &App, counts: &Counts, wait: Option<&Wait>) -> String {
    match wait {
        None if wanted(app) == 0 => "Suspended".to_owned(),
        None => "Running".to_owned(),
        Some(wait) if is_deployment(wait.reason) => {
            format!("Deploying {}/{}", counts.updated.min(counts.healthy), wanted(app))
        }
        Some(wait) => format!("Waiting: {}", wait.message),
    }
}

/// Whether an app with this wait is on its way to what the spec says.
fn is_deployment(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::RollingOut | Reason::StartingInstances | Reason::WaitingForHealth
    )
}

/// The wait and when it began. The time stays the same as long as the reason does.
fn waiting(before: &MarathonAppStatus, wait: &Wait, now: Timestamp) -> WaitingStatus {
    let since = before
        .waiting
        .as_ref()
        .filter(|w| wait.reason == *w.reason)
        .and_then(|w| w.since.clone());
    WaitingStatus {
        reason: wait.reason.to_string(),
        message: short(&wait.message),
        instances: i32::try_from(wait.instances).ok(),
        since: Some(since.unwrap_or_else(|| Time(seconds(now)))),
    }
}

fn list(view: &AppView) -> Vec<InstanceStatus> {
    let mut instances: Vec<&Instance> = view.instances.iter().collect();
    // Sorted by what the list shows, not by what only this process remembers: a restart must not change the order.
    instances.sort_by_key(|i| (i.started.map_or(Timestamp::MAX, seconds), i.task.to_string()));
    instances
        .into_iter()
        .take(MOST_LISTED)
        .map(|instance| InstanceStatus {
            task_id: instance.task.to_string(),
            state: state_name(instance).to_owned(),
            host: Some(instance.agent.hostname.clone()).filter(|host| !host.is_empty()),
            agent_id: Some(instance.agent.id.clone()),
            ports: instance.host_ports.iter().map(|port| i32::from(*port)).collect(),
            healthy: match instance.health {
                Health::Healthy if !instance.checks.is_empty() => Some(true),
                Health::Unhealthy => Some(false),
                Health::Unknown | Health::Healthy => None,
            },
            version: Some(instance.version.clone()),
            started_at: instance.started.map(|time| Time(seconds(time))),
            message: None,
        })
        .collect()
}

fn state_name(instance: &Instance) -> &'static str {
    match instance.state {
        State::Unreachable => "TASK_UNREACHABLE",
        _ if instance.is_stopping() => "TASK_KILLING",
        State::Staging => "TASK_STAGING",
        State::Starting => "TASK_STARTING",
        State::Running => "TASK_RUNNING",
        State::Killing => "TASK_KILLING",
    }
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_LIMIT)].to_owned()
}
