//! Channels that fail: each failure is a fact of its own, shows no secret, and is nobody else's.

use std::time::Duration;

use mesolith_notify::{
    Alert, Config, Failure, Notifier, Policy, Severity, SlackConfig, State, WebhookConfig,
};
use mesolith_secret::Secret;

use crate::receiver::{Receiver, ok};
use crate::{Rounds, lag, reference, time};

fn slack(url: &str) -> SlackConfig {
    SlackConfig {
        url: reference(url),
        at_least: Severity::Info,
    }
}

async fn failure_of(receiver: &Receiver, alerts: &[Alert]) -> Failure {
    let mut rounds = Rounds::new(Config {
        slack: vec![slack(&format!("{}/services/sesame", receiver.base))],
        ..Config::default()
    });
    let mut reports = rounds.at("2026-03-01T10:00:05Z", alerts).await;
    assert_eq!(
        rounds.state.failing()["slack-0"].failure,
        reports[0].result.clone().unwrap_err()
    );
    reports.remove(0).result.unwrap_err()
}

#[tokio::test]
async fn each_answer_has_its_meaning() {
    let receiver = Receiver::start(|_| ok("ok")).await;
    let host = receiver.base.trim_start_matches("http://").to_owned();
    let answers: [(u16, &str, &str); 6] = [
        (400, "invalid_payload", "MessageRefused"),
        (404, "no_service: /services/sesame is gone", "ChannelDenied"),
        (403, "invalid_token", "ChannelDenied"),
        (302, "", "ChannelDenied"),
        (500, "rollup_error\nwith more", "ChannelBroken"),
        (429, "rate_limited", "ChannelThrottled"),
    ];
    let mut said = Vec::new();
    for (status, body, reason) in answers {
        receiver.plan(
            status,
            vec![("retry-after", "30"), ("location", "/elsewhere")],
            body,
        );
        let failure = failure_of(&receiver, &[lag()]).await;
        assert_eq!(failure.reason(), reason);
        said.push(failure.to_string());
        if let Failure::Throttled { retry_after, .. } = failure {
            assert_eq!(retry_after, Some(30));
        }
    }
    assert_eq!(receiver.seen().len(), answers.len(), "no redirect is followed");
    assert_eq!(
        said[1],
        format!(
            "{host} does not let us in (404): no_service: *** is gone; check the channel's address, login and key"
        )
    );
    assert_eq!(said[4], format!("{host} failed (500): rollup_error with more"));
}

#[tokio::test]
async fn a_channel_that_hangs_or_is_gone_keeps_nobody_waiting_for_long() {
    let receiver = Receiver::start(|_| ok("ok")).await;
    // It takes connections and never answers; and a port where nobody listens.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_at = silent.local_addr().unwrap();
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = Config {
        webhooks: vec![WebhookConfig {
            url: reference(&format!("http://{silent_at}/sesame")),
            token: None,
            at_least: Severity::Info,
        }],
        slack: vec![
            slack(&format!("http://{gone}/sesame")),
            slack(&format!("{}/good", receiver.base)),
        ],
        ..Config::default()
    };
    let channels = config
        .resolve(|secret| Some(Secret::new(secret.key.clone())))
        .channels;
    let alerts = [
        lag(),
        Alert {
            key: "another".to_owned(),
            ..lag()
        },
    ];
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let notifier = Notifier::with_limit(Duration::from_secs(1)).unwrap();
    let now = time("2026-03-01T10:00:05Z");
    let round = notifier
        .round(State::default(), &Policy::default(), &channels, &alerts, now)
        .await;
    assert_eq!(receiver.seen().len(), 2);
    let failing = round.state.failing();
    assert_eq!(failing.len(), 2);
    assert_eq!(
        failing["webhook-0"].failure,
        Failure::TimedOut {
            host: silent_at.to_string(),
            seconds: 1,
        }
    );
    assert_eq!(failing["slack-0"].failure.reason(), "ChannelUnreachable");
    // Both messages were due for them; the first failure ended their turn.
    assert_eq!(round.reports.len(), 4);
    assert!(!format!("{round:?}").contains("sesame"), "{round:?}");
}
