//! Webhook, Slack and PagerDuty: the bodies word for word. The receivers refuse what the vendors' pages do not allow.

use axum::http::StatusCode;
use mesolith_notify::{Alert, Config, PagerDutyConfig, Severity, SlackConfig, WebhookConfig};
use serde_json::{Value, json};

use crate::receiver::{Receiver, ok};
use crate::{Rounds, lag, reference};

type Answer = (StatusCode, Vec<(&'static str, &'static str)>, String);

#[tokio::test]
async fn a_webhook_gets_our_form_and_the_token() {
    let receiver = Receiver::start(|_| ok("")).await;
    let mut rounds = Rounds::new(Config {
        webhooks: vec![WebhookConfig {
            url: reference(&format!("{}/hook?key=1", receiver.base)),
            token: Some(reference("sesame")),
            at_least: Severity::Info,
        }],
        ..Config::default()
    });
    rounds.come_and_go(lag()).await;
    let seen = receiver.seen();
    assert_eq!(seen[0].path, "/hook?key=1");
    assert_eq!(seen[0].headers["authorization"], "Bearer sesame");
    assert_eq!(seen[0].headers["content-type"], "application/json");
    let firing = json!({
        "version": "mesolith.io/alert/v1",
        "state": "firing",
        "key": "zkmigration/default/prod/SyncLagHigh",
        "reason": "SyncLagHigh",
        "severity": "critical",
        "summary": "P95 lag is 512 ms, above 100 ms; see <sync status> & the engine's log",
        "details": {"lagP95": "512 ms", "phase": "DeployMasters"},
        "source": {"kind": "ZkMigration", "namespace": "default", "name": "prod"},
        "since": "2026-03-01T10:00:00Z",
        "at": "2026-03-01T10:00:05Z",
    });
    assert_eq!(seen[0].body, firing);
    let mut resolved = firing;
    resolved["state"] = json!("resolved");
    resolved["at"] = json!("2026-03-01T10:06:00Z");
    assert_eq!(seen[1].body, resolved);
}

/// What Slack's page on incoming webhooks and its reference of blocks ask for.
fn slack(body: &Value) -> Answer {
    let refuse = |why: &str| (StatusCode::BAD_REQUEST, Vec::new(), why.to_owned());
    let length = |text: &Value| text.as_str().map_or(usize::MAX, |text| text.chars().count());
    if body["text"].as_str().is_none_or(str::is_empty) {
        return refuse("no_text");
    }
    let Some(blocks) = body["blocks"].as_array().filter(|blocks| blocks.len() <= 50) else {
        return refuse("invalid_blocks");
    };
    for block in blocks {
        let good = match block["type"].as_str() {
            Some("section") => {
                let text = block["text"].is_null()
                    || block["text"]["type"] == "mrkdwn" && length(&block["text"]["text"]) <= 3000;
                let fields = block["fields"].as_array();
                let some = !block["text"].is_null() || fields.is_some();
                let fields = fields.is_none_or(|fields| {
                    fields.len() <= 10
                        && fields
                            .iter()
                            .all(|field| field["type"] == "mrkdwn" && length(&field["text"]) <= 2000)
                });
                text && fields && some
            }
            Some("context") => block["elements"].as_array().is_some_and(|all| all.len() <= 10),
            _ => false,
        };
        if !good {
            return refuse("invalid_blocks");
        }
    }
    ok("ok")
}

fn to_slack(base: &str) -> Config {
    Config {
        slack: vec![SlackConfig {
            url: reference(&format!("{base}/services/T0/B0/sesame")),
            at_least: Severity::Info,
        }],
        ..Config::default()
    }
}

#[tokio::test]
async fn slack_gets_a_text_and_blocks() {
    let receiver = Receiver::start(slack).await;
    Rounds::new(to_slack(&receiver.base)).come_and_go(lag()).await;
    let seen = receiver.seen();
    assert_eq!(seen[0].path, "/services/T0/B0/sesame");
    let sentence = "P95 lag is 512 ms, above 100 ms; see &lt;sync status&gt; &amp; the engine's log";
    let expected = |word: &str| {
        json!({
            "text": format!("[{word}] {sentence}"),
            "blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": format!("*{word}* {sentence}")}},
                {"type": "section", "fields": [
                    {"type": "mrkdwn", "text": "*lagP95*\n512 ms"},
                    {"type": "mrkdwn", "text": "*phase*\nDeployMasters"},
                ]},
                {"type": "context", "elements": [{
                    "type": "mrkdwn",
                    "text": "ZkMigration default/prod · SyncLagHigh · since 2026-03-01T10:00:00Z",
                }]},
            ],
        })
    };
    assert_eq!(seen[0].body, expected("CRITICAL"));
    assert_eq!(seen[1].body, expected("RESOLVED"));
}

/// An alert in which everything is too long and has to be escaped.
fn huge() -> Alert {
    let long = "<&>".repeat(2000);
    let mut alert = Alert {
        key: "k".repeat(1000),
        reason: long.clone(),
        summary: long.clone(),
        ..lag()
    };
    alert.source.name = long.clone();
    alert.details = (0..50).map(|n| (format!("{n} {long}"), long.clone())).collect();
    alert
}

#[tokio::test]
async fn the_largest_alert_fits_everywhere() {
    let receiver = Receiver::start(slack).await;
    Rounds::new(to_slack(&receiver.base)).come_and_go(huge()).await;
    let receiver = Receiver::start(pagerduty).await;
    Rounds::new(to_pagerduty(&receiver.base))
        .come_and_go(huge())
        .await;
    let keys: Vec<Value> = receiver
        .seen()
        .iter()
        .map(|request| request.body["dedup_key"].clone())
        .collect();
    assert_eq!(keys[0], keys[1]);
}

/// What PagerDuty's page on alert events of its Events API v2 asks for.
fn pagerduty(body: &Value) -> Answer {
    let refuse = |why: &str| {
        let said = json!({"status": "invalid event", "message": "Event object is invalid", "errors": [why]});
        (StatusCode::BAD_REQUEST, Vec::new(), said.to_string())
    };
    let length = |text: &Value| text.as_str().map_or(0, |text| text.chars().count());
    if length(&body["routing_key"]) != 32 {
        return refuse("Length of 'routing_key' is incorrect (should be 32 characters)");
    }
    if !(1..=255).contains(&length(&body["dedup_key"])) {
        return refuse("'dedup_key' is missing or too long");
    }
    let payload = &body["payload"];
    let good = match body["event_action"].as_str() {
        Some("resolve") => payload.is_null(),
        Some("trigger") => {
            (1..=1024).contains(&length(&payload["summary"]))
                && length(&payload["source"]) > 0
                && ["critical", "error", "warning", "info"]
                    .iter()
                    .any(|severity| payload["severity"] == *severity)
                && payload["custom_details"].is_object()
        }
        _ => false,
    };
    if !good {
        return refuse("'payload' is invalid");
    }
    let said = json!({"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]})
        .to_string();
    (StatusCode::ACCEPTED, Vec::new(), said)
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn to_pagerduty(base: &str) -> Config {
    Config {
        pagerduty: vec![PagerDutyConfig {
            routing_key: reference(KEY),
            url: Some(format!("{base}/")),
            at_least: Severity::Critical,
        }],
        ..Config::default()
    }
}

#[tokio::test]
async fn pagerduty_opens_and_closes_an_alert() {
    let receiver = Receiver::start(pagerduty).await;
    Rounds::new(to_pagerduty(&receiver.base)).come_and_go(lag()).await;
    let seen = receiver.seen();
    assert_eq!(seen[0].path, "/v2/enqueue");
    assert_eq!(
        seen[0].body,
        json!({
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": "zkmigration/default/prod/SyncLagHigh",
            "client": "Mesolith",
            "payload": {
                "summary": "P95 lag is 512 ms, above 100 ms; see <sync status> & the engine's log",
                "source": "ZkMigration default/prod",
                "severity": "critical",
                "timestamp": "2026-03-01T10:00:00Z",
                "component": "ZkMigration",
                "group": "default",
                "class": "SyncLagHigh",
                "custom_details": {"lagP95": "512 ms", "phase": "DeployMasters"},
            },
        })
    );
    assert_eq!(
        seen[1].body,
        json!({
            "routing_key": KEY,
            "event_action": "resolve",
            "dedup_key": "zkmigration/default/prod/SyncLagHigh",
        })
    );
}
