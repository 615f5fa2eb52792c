//! The top-level fields and what is not about networks, with Marathon's defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    networking::{Container, Network, PortDefinition},
    wire::wire_enum,
};

/// Marathon's app definition in canonical form. Fields are documented where users write them, on MarathonApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(
    missing_docs,
    reason = "the fields carry Marathon's names and are documented on the custom resource"
)]
pub struct AppDefinition {
    pub id: String,
    pub cmd: Option<String>,
    pub args: Vec<String>,
    pub user: Option<String>,
    pub env: BTreeMap<String, EnvValue>,
    pub instances: u32,
    pub cpus: f64,
    pub mem: f64,
    pub disk: f64,
    pub gpus: u32,
    pub constraints: Vec<Vec<String>>,
    pub accepted_resource_roles: Option<Vec<String>>,
    pub role: Option<String>,
    pub fetch: Vec<Artifact>,
    pub container: Option<Container>,
    pub networks: Vec<Network>,
    pub port_definitions: Vec<PortDefinition>,
    pub require_ports: bool,
    pub health_checks: Vec<HealthCheck>,
    pub backoff_seconds: u32,
    pub backoff_factor: f64,
    pub max_launch_delay_seconds: u32,
    pub task_kill_grace_period_seconds: Option<u32>,
    pub upgrade_strategy: UpgradeStrategy,
    pub labels: BTreeMap<String, String>,
    pub dependencies: Vec<String>,
    pub kill_selection: KillSelection,
    pub unreachable_strategy: UnreachableStrategy,
    pub secrets: BTreeMap<String, serde_json::Value>,
    pub tty: bool,
}

impl AppDefinition {
    /// The Mesos role of the instances: `*` when none is given.
    #[must_use]
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or(mesolith_mesos::DEFAULT_ROLE)
    }
}

impl Default for AppDefinition {
    fn default() -> Self {
        Self {
            id: String::new(),
            cmd: None,
            args: Vec::new(),
            user: None,
            env: BTreeMap::new(),
            instances: 1,
            cpus: 1.0,
            mem: 128.0,
            disk: 0.0,
            gpus: 0,
            constraints: Vec::new(),
            accepted_resource_roles: None,
            role: None,
            fetch: Vec::new(),
            container: None,
            networks: Vec::new(),
            port_definitions: Vec::new(),
            require_ports: false,
            health_checks: Vec::new(),
            backoff_seconds: 1,
            backoff_factor: 1.15,
            max_launch_delay_seconds: 300,
            task_kill_grace_period_seconds: None,
            upgrade_strategy: UpgradeStrategy {
                minimum_health_capacity: 1.0,
                maximum_over_capacity: 1.0,
            },
            labels: BTreeMap::new(),
            dependencies: Vec::new(),
            kill_selection: KillSelection::YoungestFirst,
            unreachable_strategy: UnreachableStrategy::Wait {
                inactive_after_seconds: 0,
                expunge_after_seconds: 0,
            },
            secrets: BTreeMap::new(),
            tty: false,
        }
    }
}

/// The value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EnvValue {
    /// The text itself.
    Plain(String),
    /// The name of one of the app's secrets.
    Secret {
        /// The name.
        secret: String,
    },
}

/// A file put into the sandbox before the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct Artifact {
    pub uri: String,
    #[serde(default = "yes")]
    pub extract: bool,
    #[serde(default)]
    pub executable: bool,
    #[serde(default)]
    pub cache: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dest_path: Option<String>,
}

fn yes() -> bool {
    true
}

/// How a new version replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeStrategy {
    /// Share of the instances that stays healthy, 0 to 1.
    pub minimum_health_capacity: f64,
    /// Share of the instances that may run in addition, 0 to 1.
    pub maximum_over_capacity: f64,
}

wire_enum! {
    /// Which instances are stopped first on scale-down.
    KillSelection {
        /// The ones started last.
        YoungestFirst = "YOUNGEST_FIRST",
        /// The ones started first.
        OldestFirst = "OLDEST_FIRST",
    }
}

/// What happens to instances on an agent that is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UnreachableStrategy {
    /// Replaced after a while, given up after another.
    #[serde(rename_all = "camelCase")]
    Wait {
        /// A replacement starts after this long.
        inactive_after_seconds: u32,
        /// The instance is forgotten after this long, and killed should it return.
        expunge_after_seconds: u32,
    },
    /// Waited for without end: the text `disabled`.
    Disabled(Disabled),
}

wire_enum! {
    /// The text `disabled`.
    Disabled {
        /// The only value.
        Disabled = "disabled",
    }
}

wire_enum! {
    /// How a health check asks.
    Protocol {
        /// From the scheduler.
        Http = "HTTP",
        /// From the scheduler, certificate not verified.
        Https = "HTTPS",
        /// From the scheduler.
        Tcp = "TCP",
        /// In the container, by the agent.
        Command = "COMMAND",
        /// By the agent.
        MesosHttp = "MESOS_HTTP",
        /// By the agent.
        MesosHttps = "MESOS_HTTPS",
        /// By the agent.
        MesosTcp = "MESOS_TCP",
    }
}

impl Protocol {
    /// Whether the agent carries it out and reports the health with the task's status.
    #[must_use]
    pub fn is_by_agent(self) -> bool {
        match self {
            Self::Http | Self::Https | Self::Tcp => false,
            Self::Command | Self::MesosHttp | Self::MesosHttps | Self::MesosTcp => true,
        }
    }
}

wire_enum! {
    /// Over which protocol the agent reaches a task on the host's network.
    IpProtocol {
        /// The default.
        V4 = "IPv4",
        /// At the agent's loopback address.
        V6 = "IPv6",
    }
}

impl IpProtocol {
    /// Left out of the canonical form, so that versions of definitions from before the field was read stay the same.
    fn is_default(&self) -> bool {
        *self == Self::V4
    }
}

/// The command of a COMMAND check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// A shell line.
    pub value: String,
}

/// One health check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "Marathon's names")]
pub struct HealthCheck {
    pub protocol: Protocol,
    pub grace_period_seconds: u32,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub max_consecutive_failures: u32,
    pub delay_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    #[serde(skip_serializing_if = "IpProtocol::is_default")]
    pub ip_protocol: IpProtocol,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            protocol: Protocol::Http,
            grace_period_seconds: 300,
            interval_seconds: 60,
            timeout_seconds: 20,
            max_consecutive_failures: 3,
            delay_seconds: 15,
            path: None,
            port: None,
            port_index: None,
            command: None,
            ip_protocol: IpProtocol::V4,
        }
    }
}
