//! Every recorded refusal of the scheduler API, answered the same.

use serde_json::json;

use crate::master::Master;
use crate::scheduler::{Scheduler, info, post};

type Headers = &'static [(&'static str, &'static str)];

/// Request headers, body, status, answer; recorded from Mesos 1.11.0.
const CASES: &[(Headers, &str, u16, &str)] = &[
    (&[], "{}", 400, "Expecting 'Content-Type' to be present"),
    (
        &[TEXT],
        "{}",
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
    ),
    (
        &[CHARSET],
        "{}",
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
    ),
    (
        &[JSON],
        "",
        400,
        "Failed to parse body into JSON: syntax error at line 1 near: ",
    ),
    (
        &[JSON],
        "[1]",
        400,
        "Failed to convert JSON into Call protobuf: Expecting a JSON object",
    ),
    (
        &[JSON],
        r#"{"type": "SUBSCRIBE", "subscribe": {}}"#,
        400,
        "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info",
    ),
    (
        &[JSON],
        "{}",
        400,
        "Failed to validate scheduler::Call: Expecting 'type' to be present",
    ),
    (
        &[JSON],
        r#"{"type":"FROBNICATE"}"#,
        400,
        "Failed to validate scheduler::Call: Expecting 'type' to be present",
    ),
    (
        &[JSON],
        r#"{"type": 4, "framework_id": {"value": "x"}}"#,
        400,
        "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'",
    ),
    (
        &[JSON],
        r#"{"type":"SUBSCRIBE"}"#,
        400,
        "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
    ),
    (
        &[JSON],
        r#"{"type":"DECLINE","decline":{"offer_ids":[]}}"#,
        400,
        "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
    ),
    (
        &[JSON],
        r#"{"type":"DECLINE","framework_id":{"value":"x"}}"#,
        400,
        "Failed to validate scheduler::Call: Expecting 'decline' to be present",
    ),
    (
        &[JSON],
        r#"{"type":"ACKNOWLEDGE","framework_id":{"value":"x"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAA"}}"#,
        400,
        "Failed to validate scheduler::Call: Not a valid UUID",
    ),
    (
        &[JSON],
        r#"{"type":"ACKNOWLEDGE","framework_id":{"value":"x"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"!!!"}}"#,
        400,
        "Failed to convert JSON into Call protobuf: Failed to base64 decode bytes field 'uuid': Invalid character '!'",
    ),
    (
        &[JSON],
        r#"{"type":"SUBSCRIBE","framework_id":{"value":"b"},"subscribe":{"framework_info":{"user":"u","name":"n"}}}"#,
        400,
        "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
    ),
    (
        &[JSON],
        r#"{"type":"REVIVE","framework_id":{"value":"nope"}}"#,
        400,
        "Framework cannot be found",
    ),
    (
        &[JSON],
        r#"{"type":"UNKNOWN","framework_id":{"value":"x"}}"#,
        400,
        "Framework cannot be found",
    ),
    (
        &[JSON],
        r#"{"type":"DECLINE","framework_id":{"value":"nope"},"decline":{"offer_ids":[],"filters":{"refuse_seconds":"5"}},"bogus":1}"#,
        400,
        "Framework cannot be found",
    ),
    (
        &[JSON, ("Accept", "text/html")],
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#,
        406,
        "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    ),
    (
        &[JSON, ("Mesos-Stream-Id", "x")],
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}"#,
        400,
        "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    ),
];
const JSON: (&str, &str) = ("Content-Type", "application/json");
const TEXT: (&str, &str) = ("Content-Type", "text/plain");
const CHARSET: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_word_for_word() {
    let master = Master::leading(&[]).await;
    let client = reqwest::Client::new();
    for (headers, body, status, answer) in CASES {
        let mut request = client
            .post(master.url("/api/v1/scheduler"))
            .body(body.to_string());
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), *status, "{body}");
        assert_eq!(response.text().await.unwrap(), *answer, "{body}");
    }
    let get = client.get(master.url("/api/v1/scheduler")).send().await.unwrap();
    assert_eq!(
        (get.status().as_u16(), get.headers()["Allow"].to_str().unwrap()),
        (405, "POST")
    );
    let body = get.text().await.unwrap();
    assert_eq!(
        body,
        "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_a_wrong_or_closed_stream() {
    let master = Master::leading(&[]).await;
    let scheduler = Scheduler::subscribe(&master, info(None)).await;
    let id = scheduler.id.clone();
    let revive = json!({"type": "REVIVE", "framework_id": {"value": id}});
    let url = master.url("/api/v1/scheduler");
    let missing = post(&url, &revive, &[JSON]).await;
    let text = missing.text().await.unwrap();
    assert_eq!(
        text,
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
    );
    let wrong = post(&url, &revive, &[JSON, ("Mesos-Stream-Id", "not-a-uuid")])
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(
        wrong,
        format!(
            "The stream ID 'not-a-uuid' included in this request didn't match the stream ID currently associated with framework ID {id}"
        )
    );
    drop(scheduler);
    crate::master::eventually("the end of the stream", || async {
        let response = post(&url, &revive, &[JSON, ("Mesos-Stream-Id", "x")]).await;
        (response.status() == 403 && response.text().await.unwrap() == "Framework is not subscribed")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_framework_is_told_on_its_stream() {
    let master = Master::leading(&[]).await;
    let with = |change: serde_json::Value| {
        let mut info = info(None);
        for (name, value) in change.as_object().unwrap() {
            info[name] = value.clone();
        }
        info
    };
    let cases = [
        (
            json!({"roles": ["/x"]}),
            "'FrameworkInfo.roles' contains invalid role: Role '/x' cannot start with a slash",
        ),
        (
            json!({"roles": ["a", "a"]}),
            "'FrameworkInfo.roles' contains duplicate items: { a }",
        ),
        (
            json!({"role": "a"}),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        ),
        (
            json!({"capabilities": []}),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        ),
        (
            json!({"failover_timeout": 1e300}),
            "The framework failover_timeout (1e+300) is invalid",
        ),
        (
            json!({"roles": [""]}),
            "'FrameworkInfo.roles' contains invalid role: Role names cannot be the empty string",
        ),
        (
            json!({"id": {"value": "a/b"}}),
            "'a/b' contains invalid characters",
        ),
    ];
    for (change, message) in cases {
        let mut refused = Scheduler::subscribe(&master, with(change)).await;
        assert_eq!(refused.id, message);
        assert!(refused.next().await.is_none());
    }
}
