//! Who is told about what, and which checks are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is told about what.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Alerts {
    /// Secret with a URL that takes alerts in our own JSON form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<SecretKeyRef>,
    /// Secret with a bearer token for the webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_token: Option<SecretKeyRef>,
    /// Secret with the URL of a Slack webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack_webhook: Option<SecretKeyRef>,
    /// Secret with a PagerDuty integration key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagerduty_integration_key: Option<SecretKeyRef>,
    /// Where PagerDuty takes events of accounts in another region, such as `https://events.eu.pagerduty.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^https?://[^/\s]+$"))]
    pub pagerduty_url: Option<String>,
    /// Addresses that get mail through `smtp`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 3, max = 254), regex(pattern = r"^[^@\s]+@[^@\s]+$"))
    )]
    pub email: Vec<String>,
    /// The server that takes mail for the addresses of `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
    /// About what. Default: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "set"))]
    pub alert_on: Vec<AlertCause>,
}

/// A mail server.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Smtp {
    /// Its host.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Its port. Default: 587; 465 with security Tls, 25 with None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// How the connection is protected. Default: StartTls. A password is never sent with None.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// The address that mail comes from: mesolith@example.com, or Mesolith <mesolith@example.com>.
    #[schemars(length(min = 3, max = 320), regex(pattern = r"^[^@]+@[^@\s]+$"))]
    pub from: String,
    /// The login, when the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub user: Option<String>,
    /// Secret with the password of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretKeyRef>,
    /// Secret with the authorities (PEM) that sign the server's certificate, when the operator's system does not know
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<SecretKeyRef>,
}

/// How a connection to a mail server is protected.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// By TLS that begins after a greeting; a server without it is not used.
    #[default]
    StartTls,
    /// By TLS from the start.
    Tls,
    /// Not at all.
    None,
}

/// A key of a Secret in the namespace of this object.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What people are told about.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertCause {
    /// The lag is above its threshold.
    SyncLagHigh,
    /// A task failed.
    TaskFailure,
    /// A phase takes too long.
    PhaseTimeout,
    /// An ensemble or the masters lost their quorum.
    QuorumLoss,
    /// Both sides changed the same znode.
    ConflictDetected,
    /// The sync engine cannot go on.
    SyncFailure,
    /// Another master leads, and no phase asked for it.
    LeaderChanged,
    /// A person is waited for longer than approvalTimeout.
    ApprovalTimeout,
}

/// Checks before, during and after.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// Before anything is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub pre_migration: Vec<PreMigrationCheck>,
    /// All the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub in_flight: Vec<InFlightCheck>,
    /// At the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub post_migration: Vec<PostMigrationCheck>,
}

/// A check before anything is done.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreMigrationCheck {
    /// Ensemble and masters of A work.
    ClusterHealth,
    /// Both sides reach each other, in less than 10 ms.
    NetworkConnectivity,
    /// B has room for A's tasks.
    ResourceCapacity,
    /// A backup of A's data exists.
    BackupExists,
}

/// A check made all the time.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlightCheck {
    /// No task is lost.
    TaskCountStable,
    /// The lag is below its threshold.
    SyncLagAcceptable,
    /// Every task has a framework and an agent.
    NoOrphanedTasks,
}

/// A check at the end.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostMigrationCheck {
    /// Nothing runs on A.
    AllTasksMigrated,
    /// Launch times are within 10 % of what they were.
    PerformanceBaselineMet,
    /// Names resolve to running instances.
    ServiceDiscoveryWorking,
}
