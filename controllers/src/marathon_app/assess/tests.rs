//! What pictures of the scheduler become.

use super::*;
use mesolith_crds::v1alpha1::MarathonAppStatus;
use mesolith_marathon::instance::Health;
use mesolith_marathon::offer::Agent;
use mesolith_marathon::{Instance, InstanceId, TaskId};
use mesolith_mesos::LaunchProblem;
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
        checks: app.checks(),
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
    assert_eq!(
        wait(&app, &starting, None).unwrap().reason,
        Reason::StartingInstances
    );
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
    assert_eq!(wait(&app, &view, None).unwrap().reason, Reason::DrainingAgents);
}

#[test]
fn with_checks_it_waits_for_health_and_for_the_old_version_to_go() {
    let app = app(json!({"healthChecks": [{"protocol": "TCP"}]}));
    let mut one = instance(&app, 1, State::Running, Health::Unknown);
    assert_eq!(
        wait(&app, &view(vec![one.clone()]), None).unwrap().reason,
        Reason::WaitingForHealth
    );
    one.health = Health::Healthy;
    assert_eq!(wait(&app, &view(vec![one.clone()]), None), None);
    let mut old = instance(&app, 2, State::Running, Health::Healthy);
    old.version = "old".into();
    assert_eq!(
        wait(&app, &view(vec![one, old]), None).unwrap().reason,
        Reason::RollingOut
    );
}

#[rstest]
#[case::data(
    Some(LaunchProblem::ImageNotFound),
    "Image 'r:1/a' could not be pulled",
    Reason::ImageNotFound
)]
#[case::data_of_another_kind(
    Some(LaunchProblem::DockerUnavailable),
    "no engine",
    Reason::DockerUnavailable
)]
#[case::words_alone(None, "Failed to pull image busybox:none: not found", Reason::BackOff)]
fn what_a_failed_launch_is_called(
    #[case] problem: Option<LaunchProblem>,
    #[case] message: &str,
    #[case] expect: Reason,
) {
    let app = app(json!({}));
    let failure = LastFailure {
        task: "t".into(),
        state: "TASK_FAILED",
        problem,
        message: message.into(),
        host: "w1".into(),
        version: app.version.clone(),
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

/// A shortage is named after what is missing.
#[rstest]
#[case(shortage::Kind::NoOffers, Reason::WaitingForOffers)]
#[case(shortage::Kind::Resources, Reason::InsufficientResources)]
#[case(shortage::Kind::Constraint, Reason::ConstraintUnsatisfied)]
#[case(shortage::Kind::NoSuchPort, Reason::PortNotOnAnyAgent)]
fn what_a_shortage_is_called(#[case] kind: shortage::Kind, #[case] expect: Reason) {
    let view = AppView {
        shortage: Some(shortage::Shortage {
            kind,
            sentence: "because".into(),
        }),
        ..view(vec![])
    };
    let wait = wait(&app(json!({})), &view, None).unwrap();
    assert_eq!((wait.reason, wait.message.as_str()), (expect, "because"));
}

/// An old instance that failed is no reason why the new one waits.
#[test]
fn a_failure_of_another_version_is_not_the_reason() {
    let app = app(json!({}));
    let view = AppView {
        failures: 1,
        last_failure: Some(LastFailure {
            task: "t".into(),
            state: "TASK_FAILED",
            problem: Some(LaunchProblem::ImageNotFound),
            message: "old words".into(),
            host: "w1".into(),
            version: "old".into(),
            at: Timestamp::UNIX_EPOCH,
        }),
        ..view(vec![])
    };
    let wait = wait(&app, &view, None).unwrap();
    assert_eq!(
        (wait.reason, wait.message.as_str()),
        (Reason::BackOff, "Failed once")
    );
}

#[test]
fn the_same_picture_gives_the_same_status() {
    let app = app(json!({"instances": 2}));
    let view = AppView {
        shortage: Some(shortage::summarise("*", [])),
        ..view(vec![instance(&app, 1, State::Running, Health::Unknown)])
    };
    let at = |second| Timestamp::from_second(second).unwrap();
    let wait = wait(&app, &view, None);
    let names = Names {
        changed: "v",
        cluster: Some("ns/c"),
        selector: "s",
    };
    let make = |before: &MarathonAppStatus, now| status(before, &app, names, &view, wait.as_ref(), at(now));
    let first = make(&MarathonAppStatus::default(), 10);
    assert_eq!(make(&first, 99), first);
    assert_eq!(first.instances_summary, "1/2");
    assert_eq!(first.waiting.unwrap().reason, "WaitingForOffers");
}
