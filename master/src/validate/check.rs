//! Health checks and checks. Both messages have the same kinds, and Mesos the same sentences for them.

use mesolith_proto::mesos::v1;
use v1::{check_info, health_check};

use super::command;

/// What both messages have in common, and the words in which they differ.
struct Probe<'a> {
    message: &'static str,
    noun: &'static str,
    kind: Option<Kind>,
    command: Option<&'a v1::CommandInfo>,
    http: Option<Http<'a>>,
    tcp: bool,
    seconds: &'a [(&'static str, Option<f64>)],
}

enum Kind {
    Unknown,
    Command,
    Http,
    Tcp,
}

struct Http<'a> {
    scheme: Option<&'a str>,
    path: Option<&'a str>,
}

/// Sets the type of a health check that does not name it, where the body tells. Mesos does so for clients that are older
/// than the field; TCP checks are not that old.
pub(crate) fn infer_type(check: &mut v1::HealthCheck) {
    match (check.r#type, &check.command, &check.http) {
        (None, Some(_), None) => check.set_type(health_check::Type::Command),
        (None, None, Some(_)) => check.set_type(health_check::Type::Http),
        _ => {}
    }
}

/// A health check.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn health_check(check: &v1::HealthCheck) -> Result<(), String> {
    let kind = |_| match check.r#type() {
        health_check::Type::Unknown => Kind::Unknown,
        health_check::Type::Command => Kind::Command,
        health_check::Type::Http => Kind::Http,
        health_check::Type::Tcp => Kind::Tcp,
    };
    probe(&Probe {
        message: "HealthCheck",
        noun: "health check",
        kind: check.r#type.map(kind),
        command: check.command.as_ref(),
        http: check.http.as_ref().map(|http| Http {
            scheme: http.scheme.as_deref(),
            path: http.path.as_deref(),
        }),
        tcp: check.tcp.is_some(),
        seconds: &[
            ("delay_seconds", check.delay_seconds),
            ("grace_period_seconds", check.grace_period_seconds),
            ("interval_seconds", check.interval_seconds),
            ("timeout_seconds", check.timeout_seconds),
        ],
    })
}

/// A check.
///
/// # Errors
/// With Mesos' sentence.
pub(super) fn check(check: &v1::CheckInfo) -> Result<(), String> {
    let kind = |_| match check.r#type() {
        check_info::Type::Unknown => Kind::Unknown,
        check_info::Type::Command => Kind::Command,
        check_info::Type::Http => Kind::Http,
        check_info::Type::Tcp => Kind::Tcp,
    };
    probe(&Probe {
        message: "CheckInfo",
        noun: "check",
        kind: check.r#type.map(kind),
        command: check.command.as_ref().map(|check| &check.command),
        http: check.http.as_ref().map(|http| Http {
            scheme: None,
            path: http.path.as_deref(),
        }),
        tcp: check.tcp.is_some(),
        seconds: &[
            ("delay_seconds", check.delay_seconds),
            ("interval_seconds", check.interval_seconds),
            ("timeout_seconds", check.timeout_seconds),
        ],
    })
}

fn probe(probe: &Probe) -> Result<(), String> {
    let noun = probe.noun;
    match probe.kind {
        None => return Err(format!("{} must specify 'type'", probe.message)),
        Some(Kind::Unknown) => return Err(format!("'UNKNOWN' is not a valid {noun} type")),
        Some(Kind::Command) => by_command(noun, probe.command)?,
        Some(Kind::Http) => by_http(noun, probe.http.as_ref())?,
        Some(Kind::Tcp) if !probe.tcp => return Err(format!("Expecting 'tcp' to be set for TCP {noun}")),
        Some(Kind::Tcp) => {}
    }
    let negative = |(_, seconds): &&(_, Option<f64>)| seconds.is_some_and(|s| s < 0.0);
    match probe.seconds.iter().find(negative) {
        Some((name, _)) => Err(format!("Expecting '{name}' to be non-negative")),
        None => Ok(()),
    }
}

fn by_command(noun: &str, info: Option<&v1::CommandInfo>) -> Result<(), String> {
    let Some(info) = info else {
        return Err(format!("Expecting 'command' to be set for COMMAND {noun}"));
    };
    let capital = noun[..1].to_uppercase() + &noun[1..];
    if info.value.is_none() {
        let what = if info.shell() {
            "shell command"
        } else {
            "executable path"
        };
        return Err(format!("Command {noun} must contain '{what}'"));
    }
    command::command(info).map_err(|problem| format!("{capital}'s `CommandInfo` is invalid: {problem}"))
}

fn by_http(noun: &str, http: Option<&Http>) -> Result<(), String> {
    let Some(http) = http else {
        return Err(format!("Expecting 'http' to be set for HTTP {noun}"));
    };
    if let Some(scheme) = http.scheme.filter(|scheme| !["http", "https"].contains(scheme)) {
        return Err(format!("Unsupported HTTP {noun} scheme: '{scheme}'"));
    }
    match http.path.filter(|path| !path.starts_with('/')) {
        Some(path) => Err(format!("The path '{path}' of HTTP {noun} must start with '/'")),
        None => Ok(()),
    }
}
