//! Each rule of the mapping, with the texts that Mesos answered.

use mesolith_proto::json::{JsonError, from_slice, to_string};
use mesolith_proto::mesos::v1::scheduler::{Call, call};
use mesolith_proto::mesos::v1::value::Scalar;
use mesolith_proto::mesos::v1::{DomainInfo, DurationInfo, FrameworkInfo, HealthCheck, TaskStatus};

fn call(body: &str) -> Call {
    from_slice(body.as_bytes()).unwrap()
}

fn answer(body: &str) -> String {
    from_slice::<Call>(body.as_bytes()).unwrap_err().answer("Call")
}

#[test]
fn what_cannot_be_read_is_answered_in_mesos_words() {
    for (body, text) in [
        (
            "{",
            "Failed to parse body into JSON: syntax error at line 1 near: ",
        ),
        (
            "",
            "Failed to parse body into JSON: syntax error at line 1 near: ",
        ),
        (
            "[]",
            "Failed to convert JSON into Call protobuf: Expecting a JSON object",
        ),
        (
            r#"{"type":"SUBSCRIBE","subscribe":{}}"#,
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info",
        ),
        (
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":1,"name":"x"}}}"#,
            "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'user'",
        ),
        (
            r#"{"type":"ACKNOWLEDGE","acknowledge":{"uuid":"!"}}"#,
            "Failed to convert JSON into Call protobuf: Failed to base64 decode bytes field 'uuid': Invalid character '!'",
        ),
        (
            r#"{"type":1}"#,
            "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'",
        ),
    ] {
        assert_eq!(answer(body), text, "{body}");
    }
}

#[test]
fn all_missing_fields_are_named_by_path() {
    let body = r#"{"accept":{"offer_ids":[{"value":"o"},{}],"operations":[{"launch":{"task_infos":[{"name":"t"}]}}]}}"#;
    let JsonError::MissingRequired { fields } = from_slice::<Call>(body.as_bytes()).unwrap_err() else {
        unreachable!("fields are missing")
    };
    assert_eq!(
        fields,
        [
            "accept.offer_ids[1].value",
            "accept.operations[0].launch.task_infos[0].task_id",
            "accept.operations[0].launch.task_infos[0].agent_id",
        ]
    );
}

#[test]
fn an_unknown_name_counts_as_absent_and_unknown_fields_are_ignored() {
    assert_eq!(
        call(r#"{"type":"NO_SUCH_CALL","frameworkId":{"value":"x"},"more":[1]}"#),
        Call::default()
    );
    // For a required enum, absent means missing.
    let error = from_slice::<TaskStatus>(br#"{"task_id":{"value":"t"},"state":"TASK_HAPPY"}"#).unwrap_err();
    assert_eq!(error.to_string(), "Missing required fields: state");
}

#[test]
fn numbers_may_be_text_and_null_is_absent() {
    let decline = |body: &str| call(body).decline.unwrap().filters.and_then(|f| f.refuse_seconds);
    assert_eq!(
        decline(r#"{"decline":{"filters":{"refuse_seconds":"3"}}}"#),
        Some(3.0)
    );
    assert_eq!(
        decline(r#"{"decline":{"filters":{"refuse_seconds":3}}}"#),
        Some(3.0)
    );
    assert_eq!(decline(r#"{"decline":{"filters":null}}"#), None);
}

#[test]
fn a_double_may_be_without_end_and_an_integer_may_not() {
    for (text, value) in [("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)] {
        let json = format!(r#"{{"value":"{text}"}}"#);
        let scalar: Scalar = from_slice(json.as_bytes()).unwrap();
        assert_eq!(scalar.value, value);
        assert_eq!(to_string(&scalar), json);
    }
    for text in ["NaN", "inf", "infinity", "+Infinity", ""] {
        let error = from_slice::<Scalar>(format!(r#"{{"value":"{text}"}}"#).as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "Failed to parse '{text}' as a JSON number for field 'value': syntax error at line 1 near: {text}"
            )
        );
    }
    let error = from_slice::<DurationInfo>(br#"{"nanoseconds":"Infinity"}"#).unwrap_err();
    assert!(matches!(error, JsonError::NotANumber { .. }), "{error}");
}

#[test]
fn a_duration_is_a_message_not_text() {
    let error = from_slice::<Call>(
        br#"{"type":"ACCEPT","accept":{"operations":[{"launch":{"task_infos":[{"name":"t","task_id":{"value":"t"},
            "agent_id":{"value":"a"},"max_completion_time":"1s"}]}}]}}"#,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "Not expecting a JSON string for field 'max_completion_time'"
    );
}

#[test]
fn defaults_are_written_and_what_is_unset_is_not() {
    let info = FrameworkInfo {
        user: "root".into(),
        name: "x".into(),
        ..Default::default()
    };
    assert_eq!(
        to_string(&info),
        r#"{"user":"root","name":"x","failover_timeout":0.0,"checkpoint":false}"#
    );
    assert_eq!(to_string(&DomainInfo::default()), "{}");
    assert!(to_string(&HealthCheck::default()).contains(r#""interval_seconds":10.0"#));
}

#[test]
fn numbers_that_nobody_has_a_name_for_are_left_out() {
    assert_eq!(
        to_string(&Call {
            r#type: Some(4711),
            ..Default::default()
        }),
        "{}"
    );
    let known = Call {
        r#type: Some(call::Type::Revive.into()),
        ..Default::default()
    };
    assert_eq!(to_string(&known), r#"{"type":"REVIVE"}"#);
}

#[test]
fn integers_that_do_not_fit_are_refused() {
    let error = from_slice::<HealthCheck>(br#"{"consecutive_failures":-1}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Number -1 is out of range for field 'consecutive_failures'"
    );
}
