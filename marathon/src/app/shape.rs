//! The kind of value that every field takes. It is checked before the definition is read, so that a person learns which
//! field is wrong, what it holds, and what to write instead.

use serde_json::{Map, Value};

use super::{
    ContainerType, IpProtocol, KillSelection, NetworkMode, Protocol, Violation, VolumeMode,
    definition::Disabled,
    shape::Shape::{Any, Flag, List, Number, Object, OneOf, Text, Texts, Whole},
};

/// The kind of a value.
enum Shape {
    Text,
    Flag,
    Number,
    /// From 0 to this.
    Whole(u64),
    /// A text that is one of these, in any case.
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    /// A text for each name.
    Texts,
    /// An object with these fields; others are ignored, as in Marathon.
    Object(&'static [(&'static str, Shape)]),
    /// Checked elsewhere.
    Any,
}

const COUNT: Shape = Whole(u32::MAX as u64);
const PORT: Shape = Whole(u16::MAX as u64);

const APP: Shape = Object(&[
    ("id", Text),
    ("cmd", Text),
    ("args", List(&Text)),
    ("user", Text),
    // `env` and `unreachableStrategy` take two kinds: see below.
    ("instances", COUNT),
    ("cpus", Number),
    ("mem", Number),
    ("disk", Number),
    ("gpus", COUNT),
    ("constraints", List(&List(&Text))),
    ("acceptedResourceRoles", List(&Text)),
    ("role", Text),
    ("fetch", List(&ARTIFACT)),
    ("container", CONTAINER),
    ("networks", List(&NETWORK)),
    ("portDefinitions", List(&PORT_DEFINITION)),
    ("requirePorts", Flag),
    ("healthChecks", List(&HEALTH_CHECK)),
    ("backoffSeconds", COUNT),
    ("backoffFactor", Number),
    ("maxLaunchDelaySeconds", COUNT),
    ("taskKillGracePeriodSeconds", COUNT),
    ("upgradeStrategy", UPGRADE_STRATEGY),
    ("labels", Texts),
    ("dependencies", List(&Text)),
    ("killSelection", OneOf(KillSelection::NAMES)),
    ("secrets", Object(&[])),
    ("tty", Flag),
]);

const ARTIFACT: Shape = Object(&[
    ("uri", Text),
    ("extract", Flag),
    ("executable", Flag),
    ("cache", Flag),
    ("destPath", Text),
]);

const CONTAINER: Shape = Object(&[
    ("type", OneOf(ContainerType::NAMES)),
    ("docker", DOCKER),
    ("volumes", List(&VOLUME)),
    ("portMappings", List(&PORT_MAPPING)),
]);

const DOCKER: Shape = Object(&[
    ("image", Text),
    ("forcePullImage", Flag),
    ("privileged", Flag),
    ("parameters", List(&Object(&[("key", Text), ("value", Text)]))),
]);

const VOLUME: Shape = Object(&[
    ("containerPath", Text),
    ("hostPath", Text),
    ("mode", OneOf(VolumeMode::NAMES)),
    ("persistent", Any),
    ("external", Any),
    ("secret", Text),
]);

const NETWORK: Shape = Object(&[
    ("mode", OneOf(NetworkMode::NAMES)),
    ("name", Text),
    ("labels", Texts),
]);

const PORT_DEFINITION: Shape = Object(&[
    ("port", PORT),
    ("protocol", Text),
    ("name", Text),
    ("labels", Texts),
]);

const PORT_MAPPING: Shape = Object(&[
    ("containerPort", PORT),
    ("hostPort", PORT),
    ("servicePort", PORT),
    ("protocol", Text),
    ("name", Text),
    ("labels", Texts),
    ("networkNames", List(&Text)),
]);

const HEALTH_CHECK: Shape = Object(&[
    ("protocol", OneOf(Protocol::NAMES)),
    ("gracePeriodSeconds", COUNT),
    ("intervalSeconds", COUNT),
    ("timeoutSeconds", COUNT),
    ("maxConsecutiveFailures", COUNT),
    ("delaySeconds", COUNT),
    ("path", Text),
    ("port", PORT),
    ("portIndex", COUNT),
    ("command", Object(&[("value", Text)])),
    ("ipProtocol", OneOf(IpProtocol::NAMES)),
]);

const UPGRADE_STRATEGY: Shape = Object(&[("minimumHealthCapacity", Number), ("maximumOverCapacity", Number)]);

const UNREACHABLE_STRATEGY: Shape =
    Object(&[("inactiveAfterSeconds", COUNT), ("expungeAfterSeconds", COUNT)]);

/// Fields without a default, by the path of their object without list indices.
const REQUIRED: &[(&str, &[&str])] = &[
    ("/fetch", &["uri"]),
    ("/container/docker/parameters", &["key", "value"]),
    ("/healthChecks/command", &["value"]),
    (
        "/upgradeStrategy",
        &["minimumHealthCapacity", "maximumOverCapacity"],
    ),
    (
        "/unreachableStrategy",
        &["inactiveAfterSeconds", "expungeAfterSeconds"],
    ),
];

/// Everything in a canonical definition that is of the wrong kind.
pub(super) fn check(app: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    look(&APP, app, "", &mut found);
    if let Some(env) = app.get("env")
        && let Some(variables) = object(env, "/env", &mut found)
    {
        for (name, value) in variables {
            // A reference to a secret is refused later, by name.
            if value.get("secret").is_none_or(|secret| !secret.is_string()) {
                look(&Text, value, &format!("/env/{name}"), &mut found);
            }
        }
    }
    match app.get("unreachableStrategy") {
        Some(text @ Value::String(_)) => {
            look(&OneOf(Disabled::NAMES), text, "/unreachableStrategy", &mut found)
        }
        Some(times) => look(&UNREACHABLE_STRATEGY, times, "/unreachableStrategy", &mut found),
        None => {}
    }
    found
}

fn look(shape: &Shape, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let mut wrong = |message: String| found.push(Violation::new(path, message));
    match (shape, value) {
        (Any, _) | (Text, Value::String(_)) | (Flag, Value::Bool(_)) | (Number, Value::Number(_)) => {}
        (Whole(most), Value::Number(number)) => match number.as_u64().or_else(|| whole(number.as_f64()?)) {
            Some(number) if number <= *most => {}
            Some(number) => wrong(format!("{number} is above {most}")),
            None => wrong(format!("{number} is not a whole number from 0 to {most}")),
        },
        (OneOf(names), Value::String(text)) => {
            if !names.iter().any(|name| name.eq_ignore_ascii_case(text)) {
                wrong(format!("{} is not one of {}", shown(value), names.join(", ")));
            }
        }
        (List(of), Value::Array(items)) => {
            for (place, item) in items.iter().enumerate() {
                look(of, item, &format!("{path}({place})"), found);
            }
        }
        (Texts, Value::Object(fields)) => {
            for (name, value) in fields {
                look(&Text, value, &format!("{path}/{name}"), found);
            }
        }
        (Object(shapes), Value::Object(fields)) => {
            for (name, shape) in *shapes {
                if let Some(value) = fields.get(*name) {
                    look(shape, value, &format!("{path}/{name}"), found);
                }
            }
            missing(fields, path, found);
        }
        (wanted, value) => wrong(format!(
            "{} is {}; {}",
            shown(value),
            kind(value),
            remedy(wanted, value, path)
        )),
    }
}

fn object<'a>(value: &'a Value, path: &str, found: &mut Vec<Violation>) -> Option<&'a Map<String, Value>> {
    look(&Object(&[]), value, path, found);
    value.as_object()
}

fn missing(fields: &Map<String, Value>, path: &str, found: &mut Vec<Violation>) {
    let mut plain = path.to_owned();
    while let (Some(open), Some(close)) = (plain.find('('), plain.find(')')) {
        plain.replace_range(open..=close, "");
    }
    let required = REQUIRED.iter().filter(|(of, _)| *of == plain);
    for name in required.flat_map(|(_, names)| *names) {
        if !fields.contains_key(*name) {
            found.push(Violation::new(format!("{path}/{name}"), "is missing"));
        }
    }
}

/// JSON does not tell 2.0 from 2.
fn whole(number: f64) -> Option<u64> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number that a double holds exactly"
    )]
    (number.fract() == 0.0 && (0.0..=9e15).contains(&number)).then_some(number as u64)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// What to write instead, with the name of the field where there is one.
fn remedy(wanted: &Shape, value: &Value, path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    let field = if last.is_empty() || last.ends_with(')') {
        String::new()
    } else {
        format!("{last}: ")
    };
    let scalar = matches!(value, Value::Bool(_) | Value::Number(_));
    let unquoted = |fits: fn(&str) -> bool| value.as_str().filter(|text| fits(text));
    match wanted {
        Text | OneOf(_) if scalar => format!("quote it: {field}\"{value}\""),
        Text | OneOf(_) => "a text is needed".to_owned(),
        Number | Whole(_) => match unquoted(|text| text.parse::<f64>().is_ok()) {
            Some(number) => format!("write it without quotes: {field}{number}"),
            None => "a number is needed".to_owned(),
        },
        Flag => match unquoted(|text| ["true", "false"].contains(&text)) {
            Some(flag) => format!("write it without quotes: {field}{flag}"),
            None => "true or false is needed".to_owned(),
        },
        List(_) => "a list is needed".to_owned(),
        Texts | Object(_) | Any => "a map is needed".to_owned(),
    }
}

/// The beginning of a value, as JSON.
fn shown(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    let end = text.floor_char_boundary(MOST);
    if end < text.len() {
        format!("{}...", &text[..end])
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"env": {"SMTP_PORT": 587}}), "/env/SMTP_PORT: 587 is a number; quote it: SMTP_PORT: \"587\"")]
    #[case(json!({"env": {"DEBUG": true}}), "/env/DEBUG: true is a boolean; quote it: DEBUG: \"true\"")]
    #[case(json!({"env": {"A": ["x"]}}), "/env/A: [\"x\"] is a list; a text is needed")]
    #[case(json!({"env": {"A": {"secret": 1}}}), "/env/A: {\"secret\":1} is a map; a text is needed")]
    #[case(json!({"env": ["A=b"]}), "/env: [\"A=b\"] is a list; a map is needed")]
    #[case(json!({"labels": {"tier": 1}}), "/labels/tier: 1 is a number; quote it: tier: \"1\"")]
    #[case(json!({"args": ["sleep", 1000]}), "/args(1): 1000 is a number; quote it: \"1000\"")]
    #[case(json!({"cpus": "0.1"}), "/cpus: \"0.1\" is a text; write it without quotes: cpus: 0.1")]
    #[case(json!({"cpus": "lots"}), "/cpus: \"lots\" is a text; a number is needed")]
    #[case(json!({"instances": "3"}), "/instances: \"3\" is a text; write it without quotes: instances: 3")]
    #[case(json!({"instances": 1.5}), "/instances: 1.5 is not a whole number from 0 to 4294967295")]
    #[case(json!({"backoffSeconds": "1s"}), "/backoffSeconds: \"1s\" is a text; a number is needed")]
    #[case(json!({"tty": "true"}), "/tty: \"true\" is a text; write it without quotes: tty: true")]
    #[case(json!({"constraints": ["hostname"]}), "/constraints(0): \"hostname\" is a text; a list is needed")]
    #[case(json!({"constraints": [["rack", "MAX_PER", 2]]}), "/constraints(0)(2): 2 is a number; quote it: \"2\"")]
    #[case(json!({"killSelection": "RANDOM"}), "/killSelection: \"RANDOM\" is not one of YOUNGEST_FIRST, OLDEST_FIRST")]
    #[case(json!({"portDefinitions": [{"port": 70000}]}), "/portDefinitions(0)/port: 70000 is above 65535")]
    #[case(json!({"fetch": [{"extract": true}]}), "/fetch(0)/uri: is missing")]
    #[case(json!({"upgradeStrategy": {"minimumHealthCapacity": 1}}), "/upgradeStrategy/maximumOverCapacity: is missing")]
    #[case(json!({"unreachableStrategy": "off"}), "/unreachableStrategy: \"off\" is not one of disabled")]
    #[case(json!({"healthChecks": [{"command": "true"}]}), "/healthChecks(0)/command: \"true\" is a text; a map is needed")]
    fn a_value_of_the_wrong_kind_says_what_to_write(#[case] app: Value, #[case] expect: &str) {
        let said: Vec<String> = check(&app).iter().map(ToString::to_string).collect();
        assert_eq!(said, [expect]);
    }
}
