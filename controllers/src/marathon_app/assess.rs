//! From the scheduler's picture of an app to its status. Pure.

use crate::report::Finding;
use crate::scheduler::{AppView, Link};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mesolith_crds::v1alpha1::MarathonAppStatus;
use mesolith_crds::v1alpha1::marathon_app::{InstanceStatus, LastTaskFailure, WaitingStatus};
use mesolith_marathon::instance::{Health, State};
use mesolith_marathon::{App, Instance, shortage};

/// More instances than this are counted but not listed: a status must stay readable and small.
const MOST_LISTED: usize = 128;
/// Longest text of a status field.
const TEXT_LIMIT: usize = 1024;

/// Why an app is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) instances: usize,
}

/// Counts of an app's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    running: usize,
    healthy: usize,
    updated: usize,
    outdated: usize,
}

/// What the app waits for; `None` when it is as it should be.
pub(super) fn wait(app: &App, view: &AppView, not_ready: Option<&str>) -> Option<Wait> {
    let counts = counts(app, view);
    let wanted = wanted(app);
    let extra = view.instances.len().saturating_sub(wanted);
    if counts.healthy >= wanted
        && counts.updated >= wanted
        && counts.outdated == 0
        && extra == 0
        && view.leaving == 0
    {
        return None;
    }
    let missing = wanted.saturating_sub(counts.healthy);
    let wait = |reason, message| {
        Some(Wait {
            reason,
            message,
            instances: missing,
        })
    };
    if let Link::Failing(why) = &view.link {
        let cluster = not_ready
            .map(|why| format!(" The cluster says {why}"))
            .unwrap_or_default();
        return wait(
            "ClusterNotReady",
            format!("Not subscribed to a leading master: {why}.{cluster}"),
        );
    }
    if let Some(shortage) = &view.shortage {
        let reason = match shortage.kind {
            shortage::Kind::NoOffers => "WaitingForOffers",
            shortage::Kind::Resources => "InsufficientResources",
            shortage::Kind::Constraint => "ConstraintUnsatisfied",
        };
        return wait(reason, shortage.sentence.clone());
    }
    if view.failures > 0 && missing > 0 {
        return wait(failure_reason(view), failure_sentence(view));
    }
    if counts.outdated > 0 {
        let message = format!(
            "{} of {wanted} instances run the new definition, {} the old one",
            counts.updated, counts.outdated
        );
        return wait("RollingOut", message);
    }
    if view.leaving > 0 {
        let message = format!(
            "{} instances are on agents that leave the cluster; replacements start elsewhere first",
            view.leaving
        );
        return wait("DrainingAgents", message);
    }
    if missing > 0 {
        return if app.has_health_checks() && counts.running >= wanted {
            wait(
                "WaitingForHealth",
                format!(
                    "{} of {wanted} instances pass their health checks",
                    counts.healthy
                ),
            )
        } else {
            wait(
                "StartingInstances",
                format!("{} of {wanted} instances run", counts.running),
            )
        };
    }
    wait(
        "WaitingForTasks",
        format!("{extra} instances more than wanted are being stopped"),
    )
}

/// An image that cannot be had is a different problem from an app that crashes.
fn failure_reason(view: &AppView) -> &'static str {
    let launch = view
        .last_failure
        .as_ref()
        .filter(|f| f.reason == Some("REASON_CONTAINER_LAUNCH_FAILED"));
    let about_image = launch.is_some_and(|failure| {
        let text = failure.message.to_lowercase();
        text.contains("image")
            && [
                "could not be pulled",
                "not found",
                "no such",
                "does not exist",
                "cannot",
                "failed",
                "denied",
            ]
            .iter()
            .any(|sign| text.contains(sign))
    });
    if about_image { "ImageNotFound" } else { "BackOff" }
}

fn failure_sentence(view: &AppView) -> String {
    let failed = if view.failures == 1 {
        "Failed once".to_owned()
    } else {
        format!("Failed {} times", view.failures)
    };
    let last = view.last_failure.as_ref().map(|failure| {
        let why = if failure.message.is_empty() {
            String::new()
        } else {
            format!(": {}", failure.message)
        };
        format!(", last on {} with {}{why}", failure.host, failure.state)
    });
    let next = view
        .delayed_until
        .map(|until| format!(". Next start at {}", seconds(until)));
    format!("{failed}{}{}", last.unwrap_or_default(), next.unwrap_or_default())
}

/// What a status says beside the scheduler's picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    /// Marathon's version.
    pub(super) changed: &'a str,
    /// `namespace/name` of the cluster, if there is one.
    pub(super) cluster: Option<&'a str>,
    /// For the scale subresource.
    pub(super) selector: &'a str,
}

/// The status after this reconcile.
pub(super) fn status(
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
        instance_list: list(app, view),
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

/// The conditions.
pub(super) fn findings(app: &App, wait: Option<&Wait>) -> [Finding; 2] {
    match wait {
        None => {
            let message = match wanted(app) {
                0 => "No instances are wanted".to_owned(),
                1 => "The instance runs".to_owned(),
                n => format!("All {n} instances run"),
            };
            let reason = if wanted(app) == 0 { "Suspended" } else { "Running" };
            [
                Finding::yes("Ready", reason, message),
                Finding::no("Reconciling", reason, ""),
            ]
        }
        Some(wait) => [
            Finding::no("Ready", wait.reason, wait.message.clone()),
            Finding::yes("Reconciling", wait.reason, wait.message.clone()),
        ],
    }
}

fn summary(app: &App, counts: &Counts, wait: Option<&Wait>) -> String {
    match wait {
        None if wanted(app) == 0 => "Suspended".to_owned(),
        None => "Running".to_owned(),
        Some(wait) if ["RollingOut", "StartingInstances", "WaitingForHealth"].contains(&wait.reason) => {
            format!("Deploying {}/{}", counts.updated.min(counts.healthy), wanted(app))
        }
        Some(wait) => format!("Waiting: {}", wait.message),
    }
}

/// The wait with its beginning, which stays while the reason does.
fn waiting(before: &MarathonAppStatus, wait: &Wait, now: Timestamp) -> WaitingStatus {
    let since = before
        .waiting
        .as_ref()
        .filter(|w| w.reason == wait.reason)
        .and_then(|w| w.since.clone());
    WaitingStatus {
        reason: wait.reason.to_owned(),
        message: short(&wait.message),
        instances: i32::try_from(wait.instances).ok(),
        since: Some(since.unwrap_or_else(|| Time(seconds(now)))),
    }
}

fn counts(app: &App, view: &AppView) -> Counts {
    let staying = || view.instances.iter().filter(|i| i.is_active());
    let running = staying().filter(|i| i.state == State::Running);
    Counts {
        running: running.clone().count(),
        healthy: running.filter(|i| i.is_healthy(app.has_health_checks())).count(),
        updated: staying().filter(|i| i.version == app.version).count(),
        outdated: view.instances.iter().filter(|i| i.version != app.version).count(),
    }
}

fn list(app: &App, view: &AppView) -> Vec<InstanceStatus> {
    let mut instances: Vec<&Instance> = view.instances.iter().collect();
    // By what the list shows, and not by what only this process remembers: else a restart would change the order.
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
                Health::Healthy if app.has_health_checks() => Some(true),
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

fn wanted(app: &App) -> usize {
    app.definition.instances as usize
}

fn short(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_LIMIT)].to_owned()
}

/// The API stores whole seconds: more would look like a change at the next reconcile.
fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::view::LastFailure;
    use mesolith_marathon::offer::Agent;
    use mesolith_marathon::{InstanceId, TaskId};
    use rstest::rstest;
    use serde_json::json;

    fn app(more: serde_json::Value) -> App {
        let mut json = json!({"id": "/a", "cmd": "sleep 1"});
        for (key, value) in more.as_object().unwrap() {
            json[key] = value.clone();
        }
        App::parse(json).unwrap()
    }

    fn instance(app: &App, n: u128, state: State, health: Health) -> Instance {
        Instance {
            task: TaskId::first(InstanceId::new(&app.id, uuid::Uuid::from_u128(n))),
            version: app.version.clone(),
            state,
            since: Timestamp::UNIX_EPOCH,
            staged: Timestamp::UNIX_EPOCH,
            started: None,
            health,
            kill_sent: None,
            agent: Agent::default(),
            host_ports: vec![],
        }
    }

    fn view(instances: Vec<Instance>) -> AppView {
        AppView {
            link: Link::Subscribed,
            version: Some(String::new()),
            instances,
            ..AppView::default()
        }
    }

    #[test]
    fn an_app_without_checks_is_ready_when_it_runs() {
        let app = app(json!({}));
        assert_eq!(
            wait(
                &app,
                &view(vec![instance(&app, 1, State::Running, Health::Unknown)]),
                None
            ),
            None
        );
        let starting = view(vec![instance(&app, 1, State::Staging, Health::Unknown)]);
        assert_eq!(wait(&app, &starting, None).unwrap().reason, "StartingInstances");
    }

    /// What this process alone remembers (launch times, times of states, the clock) is no part of a status.
    #[test]
    fn the_same_picture_is_the_same_status_at_any_time_and_after_a_restart() {
        let app = app(json!({"instances": 2}));
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut both = [1, 2].map(|n| instance(&app, n, State::Running, Health::Unknown));
        for (instance, started) in both.iter_mut().zip([50, 40]) {
            instance.started = Some(at(started));
            instance.staged = at(60 - started);
        }
        let names = Names {
            changed: "v",
            cluster: Some("ns/c"),
            selector: "",
        };
        let of = |before: &MarathonAppStatus, instances: Vec<Instance>, now| {
            let view = view(instances);
            let wait = wait(&app, &view, None);
            status(before, &app, names, &view, wait.as_ref(), at(now))
        };
        let first = of(&MarathonAppStatus::default(), both.to_vec(), 100);
        let mut restarted: Vec<Instance> = both.iter().rev().cloned().collect();
        for instance in &mut restarted {
            (instance.staged, instance.since) = (instance.started.unwrap(), at(99));
        }
        assert_eq!(of(&first, restarted, 175), first);
        let short = of(&first, both[..1].to_vec(), 200);
        assert_eq!(
            of(&short, both[..1].to_vec(), 300),
            short,
            "a wait keeps its beginning"
        );
    }

    #[test]
    fn a_drain_is_told() {
        let app = app(json!({}));
        let mut view = view(vec![instance(&app, 1, State::Running, Health::Unknown)]);
        view.leaving = 1;
        assert_eq!(wait(&app, &view, None).unwrap().reason, "DrainingAgents");
    }

    #[test]
    fn with_checks_it_waits_for_health_and_for_the_old_version_to_go() {
        let app = app(json!({"healthChecks": [{"protocol": "TCP"}]}));
        let mut one = instance(&app, 1, State::Running, Health::Unknown);
        assert_eq!(
            wait(&app, &view(vec![one.clone()]), None).unwrap().reason,
            "WaitingForHealth"
        );
        one.health = Health::Healthy;
        assert_eq!(wait(&app, &view(vec![one.clone()]), None), None);
        let mut old = instance(&app, 2, State::Running, Health::Healthy);
        old.version = "old".into();
        assert_eq!(
            wait(&app, &view(vec![one, old]), None).unwrap().reason,
            "RollingOut"
        );
    }

    #[rstest]
    #[case("Failed to pull image busybox:none: not found", "ImageNotFound")]
    #[case(
        "Image 'r:1/a' is not on this machine and could not be pulled: connection refused",
        "ImageNotFound"
    )]
    #[case("cgroup is busy", "BackOff")]
    fn what_a_failed_launch_is_called(#[case] message: &str, #[case] expect: &str) {
        let app = app(json!({}));
        let failure = LastFailure {
            task: "t".into(),
            state: "TASK_FAILED",
            reason: Some("REASON_CONTAINER_LAUNCH_FAILED"),
            message: message.into(),
            host: "w1".into(),
            version: "v".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        let view = AppView {
            failures: 2,
            last_failure: Some(failure),
            ..view(vec![])
        };
        let wait = wait(&app, &view, None).unwrap();
        assert_eq!(wait.reason, expect);
        assert_eq!(
            wait.message,
            format!("Failed 2 times, last on w1 with TASK_FAILED: {message}")
        );
    }

    #[test]
    fn the_same_picture_gives_the_same_status() {
        let app = app(json!({"instances": 2}));
        let view = AppView {
            shortage: Some(shortage::summarise([])),
            ..view(vec![instance(&app, 1, State::Running, Health::Unknown)])
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        let wait = wait(&app, &view, None);
        let names = Names {
            changed: "v",
            cluster: Some("ns/c"),
            selector: "s",
        };
        let make =
            |before: &MarathonAppStatus, now| status(before, &app, names, &view, wait.as_ref(), at(now));
        let first = make(&MarathonAppStatus::default(), 10);
        assert_eq!(make(&first, 99), first);
        assert_eq!(first.instances_summary, "1/2");
        assert_eq!(first.waiting.unwrap().reason, "WaitingForOffers");
    }
}
