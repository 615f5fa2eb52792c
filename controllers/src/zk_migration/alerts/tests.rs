//! From facts to alerts in a table, their beginning and end over time, and all of it to a receiver that runs here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{
    AlertCause, Alerts, Phase, SecretKeyRef, Smtp, ZkMigrationStatus,
};
use mesolith_crds::v1alpha1::{ZkMigration, ZkMigrationSpec};
use mesolith_notify::{Notifier, Policy, SecretRef, Severity};
use mesolith_secret::Secret;
use rstest::rstest;
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::metrics::{ClusterFigures, Figures};
use super::causes::{Recent, Watched, causes};
use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_000_000 + second).unwrap()
}

fn lag(millis: u64) -> Watched {
    Watched {
        lag_p95: Some(Duration::from_millis(millis)),
        ..Watched::default()
    }
}

fn figures(change: impl Fn(&mut Figures)) -> Watched {
    let mut watched = Watched {
        phase: Some(Phase::DrainAgents),
        ..Watched::default()
    };
    watched.figures.a.tasks = Some(60);
    watched.figures.b.tasks = Some(40);
    change(&mut watched.figures);
    watched
}

#[rstest]
#[case::nothing_known(Watched::default(), Recent::default(), &[])]
#[case::lag_at_threshold(lag(100), Recent::default(), &[])]
#[case::lag(lag(101), Recent::default(), &[("SyncLagHigh", Severity::Warning)])]
#[case::lag_critical(lag(501), Recent::default(), &[("SyncLagHigh", Severity::Critical)])]
#[case::engine(Watched { sync_failed: Some("no quorum".into()), ..lag(1) }, Recent::default(), &[("SyncFailure", Severity::Critical)])]
#[case::conflict(lag(1), Recent { conflicts: 1, ..Recent::default() }, &[("ConflictDetected", Severity::Warning)])]
#[case::tasks(figures(|_| {}), Recent { tasks_failed: 5, ..Recent::default() }, &[("TaskFailure", Severity::Warning)])]
#[case::many_tasks(figures(|_| {}), Recent { tasks_failed: 6, ..Recent::default() }, &[("TaskFailure", Severity::Critical)])]
#[case::leader(figures(|_| {}), Recent { leader_changes: 1, ..Recent::default() }, &[("LeaderChanged", Severity::Warning)])]
#[case::quorum_b(figures(|f| f.b.zookeeper_quorum = Some(false)), Recent::default(), &[("QuorumLoss/B", Severity::Critical)])]
#[case::masters_majority(figures(|f| (f.masters_up, f.masters_expected) = (Some(2), Some(3))), Recent::default(), &[])]
#[case::masters(figures(|f| (f.masters_up, f.masters_expected) = (Some(1), Some(2))), Recent::default(), &[("QuorumLoss/Masters", Severity::Critical)])]
#[case::no_masters_wanted(figures(|f| (f.masters_up, f.masters_expected) = (Some(0), Some(0))), Recent::default(), &[])]
#[case::no_leader(figures(|f| f.mesos_leader = Some(false)), Recent::default(), &[("QuorumLoss/Leader", Severity::Critical)])]
#[case::stalled(figures(|f| f.stalled = true), Recent::default(), &[("PhaseTimeout", Severity::Critical)])]
#[case::approval(Watched { awaits_approval: Some(Duration::from_secs(3601)), ..lag(1) }, Recent::default(), &[("ApprovalTimeout", Severity::Warning)])]
fn facts_become_causes(
    #[case] watched: Watched,
    #[case] recent: Recent,
    #[case] expected: &[(&str, Severity)],
) {
    let found = causes(&ZkMigrationSpec::default(), &watched, &recent);
    let found: Vec<(String, Severity)> = found.iter().map(|cause| (cause.name(), cause.severity)).collect();
    let expected: Vec<(String, Severity)> = expected.iter().map(|(n, s)| (n.to_string(), *s)).collect();
    assert_eq!(found, expected);
}

#[test]
fn only_what_was_asked_for_is_told() {
    let spec = ZkMigrationSpec {
        alerts: Some(Alerts {
            alert_on: vec![AlertCause::PhaseTimeout],
            ..Alerts::default()
        }),
        ..ZkMigrationSpec::default()
    };
    let watched = Watched {
        lag_p95: Some(Duration::from_secs(9)),
        ..figures(|f| f.stalled = true)
    };
    let found = causes(&spec, &watched, &Recent::default());
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "DrainAgents takes longer than 720 minutes (spec.orchestration.phaseTimeouts); kubectl describe zkmigration says \
         what it waits for"
    );
    assert_eq!(found[0].details["phase"], "DrainAgents");
}

#[test]
fn a_cause_is_an_alert_once_it_has_lasted() {
    let mut pending = pending::Pending::default();
    let spec = ZkMigrationSpec::default();
    let mut lasting = |second: i64, millis: u64| -> Vec<i64> {
        let causes = causes(&spec, &lag(millis), &Recent::default());
        let alerts = pending.lasting(causes, at(second));
        alerts
            .iter()
            .map(|(_, since)| since.as_second() - at(0).as_second())
            .collect()
    };
    assert_eq!(lasting(0, 200), [0; 0]);
    assert_eq!(lasting(30, 1), [0; 0]);
    assert_eq!(lasting(40, 200), [0; 0]);
    assert_eq!(lasting(99, 900), [0; 0]);
    assert_eq!(lasting(100, 200), [40]);
}

#[test]
fn counts_are_looked_at_for_their_time_only() {
    let mut pending = pending::Pending::default();
    let mut failed = |second: i64, total: u64| {
        let watched = figures(|f| f.tasks_failed = Some(total));
        pending.recent(&watched, at(second)).tasks_failed
    };
    assert_eq!(failed(0, 100), 0, "what failed before is not news");
    assert_eq!(failed(10, 103), 3);
    assert_eq!(failed(200, 104), 4);
    assert_eq!(failed(400, 104), 1);
    assert_eq!(failed(600, 104), 0);
    assert_eq!(failed(610, 2), 2, "the counter began again");
    for second in 700..10_000 {
        assert_eq!(failed(second * 10, 2), 0);
    }
}

fn reference(key: &str) -> Option<SecretKeyRef> {
    Some(SecretKeyRef {
        name: "alerts".to_owned(),
        key: key.to_owned(),
    })
}

#[test]
fn settings_become_channels() {
    let alerts = Alerts {
        slack_webhook: reference("slack"),
        pagerduty_integration_key: reference("pagerduty"),
        email: vec!["ops@example.com".to_owned()],
        ..Alerts::default()
    };
    let (config, problem) = channels::config(&alerts);
    assert_eq!(config.slack.len(), 1);
    assert_eq!(config.pagerduty[0].at_least, Severity::Critical);
    assert_eq!(problem.unwrap().reason, Reason::NoMailServer);
    let smtp = Smtp {
        host: "mail.example.com".to_owned(),
        from: "m@example.com".to_owned(),
        ..Smtp::default()
    };
    let (config, problem) = channels::config(&Alerts {
        smtp: Some(smtp),
        ..alerts
    });
    assert_eq!(problem, None);
    let resolved = config.resolve(|_| Some(Secret::new("https://hooks.example.com/x")));
    let names: Vec<&str> = resolved
        .channels
        .iter()
        .map(mesolith_notify::Channel::name)
        .collect();
    assert_eq!(names, ["slack-0", "pagerduty-0", "email-ops@example.com"]);
}

/// A webhook's receiver: the bodies that it was sent.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (sent, seen) = mpsc::unbounded_channel();
    let take = move |axum::Json(body): axum::Json<Value>| {
        let _ = sent.send(body);
        async { "ok" }
    };
    let router = axum::Router::new().fallback(take);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

async fn next(seen: &mut mpsc::UnboundedReceiver<Value>) -> (String, String) {
    let body = tokio::time::timeout(Duration::from_secs(30), seen.recv()).await;
    let body = body.expect("waited 30 s for a message").unwrap();
    let word = |name: &str| body[name].as_str().unwrap().to_owned();
    (word("key"), word("state"))
}

fn alerting(url: &str) -> Alerting {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let secrets = BTreeMap::from([("webhook".to_owned(), url.to_owned())]);
    let read = move |_namespace: String, named: Vec<SecretRef>| {
        let found = named.into_iter().filter_map(|reference| {
            let value = secrets.get(&reference.key)?;
            Some((reference, Secret::new(value.clone())))
        });
        futures::future::ready(Ok(found.collect())).boxed()
    };
    // An end is told at once, so that nothing has to be waited for.
    let policy = Policy {
        settle: Duration::ZERO,
        ..Policy::default()
    };
    Alerting::new(Notifier::new().unwrap(), Arc::new(read), policy)
}

fn migration() -> ZkMigration {
    let mut object = ZkMigration::new(
        "prod",
        ZkMigrationSpec {
            alerts: Some(Alerts {
                webhook: reference("webhook"),
                slack_webhook: reference("missing"),
                ..Alerts::default()
            }),
            ..ZkMigrationSpec::default()
        },
    );
    object.metadata.namespace = Some("default".to_owned());
    object.metadata.uid = Some("6f1c".to_owned());
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_and_the_status_shows_it() {
    let (url, mut seen) = receiver().await;
    let before = alerting(&url);
    let mut object = migration();
    let broken = figures(|f| {
        f.stalled = true;
        f.a = ClusterFigures {
            zookeeper_quorum: Some(false),
            ..ClusterFigures::default()
        };
    });
    let shown = before.update(&object, &broken, at(0));
    let names: Vec<&str> = shown.alerts.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names, ["PhaseTimeout", "QuorumLoss/A"]);
    assert_eq!(shown.alerts[0].since.0, at(0));
    let mut told = vec![next(&mut seen).await, next(&mut seen).await];
    told.sort();
    let key = |name: &str| format!("zkmigration/default/prod/{name}");
    let firing = |name: &str| (key(name), "firing".to_owned());
    assert_eq!(told, [firing("PhaseTimeout"), firing("QuorumLoss/A")]);
    // The channel whose secret is missing is a fact, and keeps nobody else from hearing. It is there after the round.
    let undelivered = mesolith_testkit::wait_until("the missing secret", Duration::from_secs(30), || {
        let shown = before.update(&object, &broken, at(1)).undelivered;
        shown
            .get("settings-0")
            .cloned()
            .ok_or_else(|| anyhow::anyhow!("{shown:?}"))
    });
    let undelivered = undelivered.unwrap();
    assert_eq!(undelivered.reason, Reason::ChannelUnusable);
    assert!(
        undelivered
            .message
            .starts_with("spec.alerts.slack[0].url: there is no key missing in Secret alerts"),
        "{undelivered:?}"
    );
    let shown = before.update(&object, &broken, at(2));
    assert!(shown.alerts.iter().all(|alert| alert.told), "{shown:?}");
    // Another operator takes over: it knows from the status what was told, and tells the rest.
    object.status = Some(ZkMigrationStatus {
        alerts: shown.alerts,
        ..ZkMigrationStatus::default()
    });
    drop(before);
    let after = alerting(&url);
    let shown = after.update(&object, &figures(|f| f.stalled = true), at(100));
    assert_eq!(shown.alerts.len(), 1);
    assert_eq!(shown.alerts[0].since.0, at(0));
    assert_eq!(
        next(&mut seen).await,
        (key("QuorumLoss/A"), "resolved".to_owned())
    );
    after.update(&object, &figures(|_| {}), at(200));
    assert_eq!(
        next(&mut seen).await,
        (key("PhaseTimeout"), "resolved".to_owned())
    );
    after.forget("6f1c");
    assert!(after.migrations().is_empty());
}
