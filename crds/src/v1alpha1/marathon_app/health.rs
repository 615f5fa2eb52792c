//! Health, status and readiness checks of an app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A health check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::health_check)]
pub struct HealthCheck {
    /// How it is done. Default: HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<HealthCheckProtocol>,
    /// Path of the request; only with HTTP and HTTPS. Default: /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub path: Option<String>,
    /// Which of the app's ports, counted from 0. Default: 0 unless `port` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub port_index: Option<i32>,
    /// A fixed port instead of `portIndex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The command; required with COMMAND.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandValue>,
    /// Failures are ignored for so long after the start, or until the first success. Default: 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub grace_period_seconds: Option<i32>,
    /// Time between two checks. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub interval_seconds: Option<i32>,
    /// A check that takes longer has failed. Default: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub timeout_seconds: Option<i32>,
    /// After so many failures in a row the instance is replaced; 0: never. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub max_consecutive_failures: Option<i32>,
    /// Time before the first check, for checks the agent does. Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub delay_seconds: Option<i32>,
    /// Whether answers 100 to 199 count as neither good nor bad. Without effect in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_http1xx: Option<bool>,
    /// Over which protocol the agent reaches a task on the host's network. Default: IPv4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_protocol: Option<IpProtocol>,
}

impl HealthCheck {
    /// How it is done.
    #[must_use]
    pub fn protocol(&self) -> HealthCheckProtocol {
        self.protocol.unwrap_or_default()
    }

    /// Path of the request.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().filter(|p| !p.is_empty()).unwrap_or("/")
    }

    /// Which of the app's ports; nothing when a fixed port is given or no port is needed.
    #[must_use]
    pub fn port_index(&self) -> Option<usize> {
        match (self.port_index, self.port, self.protocol()) {
            (_, _, HealthCheckProtocol::Command) => None,
            (Some(index), _, _) => usize::try_from(index).ok(),
            (None, Some(_), _) => None,
            (None, None, _) => Some(0),
        }
    }

    /// Seconds during which failures are ignored.
    #[must_use]
    pub fn grace_period_seconds(&self) -> i32 {
        self.grace_period_seconds.unwrap_or(300)
    }

    /// Seconds between two checks.
    #[must_use]
    pub fn interval_seconds(&self) -> i32 {
        self.interval_seconds.unwrap_or(60)
    }

    /// Seconds after which a check has failed.
    #[must_use]
    pub fn timeout_seconds(&self) -> i32 {
        self.timeout_seconds.unwrap_or(20)
    }

    /// Failures in a row after which the instance is replaced; 0 means never.
    #[must_use]
    pub fn max_consecutive_failures(&self) -> i32 {
        self.max_consecutive_failures.unwrap_or(3)
    }

    /// Seconds before the first check.
    #[must_use]
    pub fn delay_seconds(&self) -> i32 {
        self.delay_seconds.unwrap_or(15)
    }
}

/// How a health check is done: the MESOS_ ones and COMMAND by the agent, the others by Marathon.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthCheckProtocol {
    /// HTTP request.
    #[default]
    Http,
    /// HTTPS request; the certificate is not checked.
    Https,
    /// TCP connection.
    Tcp,
    /// A command in the container.
    Command,
    /// HTTP request by the agent.
    MesosHttp,
    /// HTTPS request by the agent.
    MesosHttps,
    /// TCP connection by the agent.
    MesosTcp,
}

/// A command line.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CommandValue {
    /// For /bin/sh.
    #[schemars(length(min = 1, max = 4096))]
    pub value: String,
}

/// Address family of a check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IpProtocol {
    /// IPv4.
    #[default]
    IPv4,
    /// IPv6.
    IPv6,
}

/// A status check: exactly one of http, tcp and exec.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::check)]
pub struct Check {
    /// HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCheck>,
    /// TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpCheck>,
    /// A command in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCheck>,
    /// Time between two checks. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub interval_seconds: Option<i32>,
    /// A check that takes longer has failed. Default: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub timeout_seconds: Option<i32>,
    /// Time before the first check. Default: 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub delay_seconds: Option<i32>,
}

/// HTTP request of a status check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HttpCheck {
    /// Which of the app's ports, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub port_index: Option<i32>,
    /// A fixed port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Path. Default: /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub path: Option<String>,
    /// HTTP or HTTPS. Default: HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<HttpScheme>,
}

/// HTTP or HTTPS.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpScheme {
    /// Plain.
    #[default]
    Http,
    /// With TLS.
    Https,
}

/// TCP connection of a status check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TcpCheck {
    /// Which of the app's ports, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 63))]
    pub port_index: Option<i32>,
    /// A fixed port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
}

/// Command of a status check.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExecCheck {
    /// The command.
    pub command: CheckCommand,
}

/// Exactly one of shell and argv.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::check_command)]
pub struct CheckCommand {
    /// Command line for /bin/sh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub shell: Option<String>,
    /// Program and arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 4096)))]
    pub argv: Vec<String>,
}

/// A check that a new instance must pass before a deployment goes on.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::readiness_check)]
pub struct ReadinessCheck {
    /// Name. Default: readinessCheck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// HTTP or HTTPS. Default: HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<HttpScheme>,
    /// Path. Default: /.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub path: Option<String>,
    /// Name of one of the app's ports. Default: http-api.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub port_name: Option<String>,
    /// Time between two checks. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub interval_seconds: Option<i32>,
    /// A check that takes longer has failed; less than the interval. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub timeout_seconds: Option<i32>,
    /// Answers that mean ready. Default: 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(range(min = 100, max = 999)))]
    pub http_status_codes_for_ready: Vec<i32>,
    /// Whether the last answer is kept in the status. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_last_response: Option<bool>,
}
