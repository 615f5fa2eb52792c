//! Certificates, and what happens to what is removed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::period::Period;

/// Certificates and mutual TLS.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::security)]
pub struct SecuritySpec {
    /// Mutual TLS between operator, node agents, masters and Mesos agents. Disabled only for trials on one machine.
    /// Default: Enabled.
    #[serde(default)]
    pub mtls: Mtls,

    /// How long a node's certificate is valid; it is renewed when a third of that is left. Default: 720h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_lifetime: Option<Period>,
}

/// Whether mutual TLS is used.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mtls {
    /// Everywhere.
    #[default]
    Enabled,
    /// Nowhere: anyone who reaches a node agent's port may run programs there.
    Disabled,
}

/// How agents leave the cluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::agent_removal)]
pub struct AgentRemoval {
    /// Drain: nothing new is started on the agent, and instances of apps are replaced elsewhere within the limits of
    /// their upgrade strategy before it goes. Force: tasks are killed at once, with their grace, and the agent goes
    /// when the last one has ended. Deleting the cluster does the same on every node. Default: Drain.
    #[serde(default)]
    pub mode: RemovalMode,

    /// How long a drain may take until the condition Stalled reports it. It goes on all the same: only Force kills
    /// tasks. Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

/// What happens to tasks of a removed agent.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RemovalMode {
    /// Tasks of apps move first, as far as their upgrade strategy has room; tasks of other frameworks are waited
    /// for.
    #[default]
    Drain,
    /// Tasks are killed with their grace.
    Force,
}

/// How agents are emptied while a migration moves the cluster: instances of apps are replaced first, and frameworks are
/// asked in Mesos's own way.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::rules::agent_drain)]
pub struct AgentDrain {
    /// How long frameworks may take to move their tasks by themselves. From the beginning the agent is not offered any
    /// more, and its machine is in the maintenance schedule, so that they get inverse offers. Default: 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Period>,

    /// After that DRAIN_AGENT ends the tasks of the frameworks that have not moved them, each with its own grace and at
    /// most with this one. An agent with instances of apps waits until they have moved. Default: 60s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grace_period: Option<Period>,

    /// What happens to an agent that still has tasks after `timeout`. Default: Wait.
    #[serde(default)]
    pub on_timeout: DrainTimeout,

    /// How long an agent may take until `onTimeout` acts. Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Period>,
}

/// What happens to an agent that is not empty in time.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DrainTimeout {
    /// It is waited for, and what it waits for is said.
    #[default]
    Wait,
    /// It leaves: its tasks are killed with their grace.
    Force,
}

impl AgentDrain {
    /// How long frameworks may take to move their tasks by themselves.
    #[must_use]
    pub fn notice(&self) -> Duration {
        Period::duration_or(self.notice.as_ref(), Duration::from_secs(5 * 60))
    }

    /// The longest grace of a task that DRAIN_AGENT ends.
    #[must_use]
    pub fn max_grace_period(&self) -> Duration {
        Period::duration_or(self.max_grace_period.as_ref(), Duration::from_secs(60))
    }

    /// How long an agent may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Period::duration_or(self.timeout.as_ref(), Duration::from_secs(30 * 60))
    }
}

/// What happens to data that is no longer needed.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RemovedData {
    /// It is packed into an archive on the node.
    #[default]
    Archive,
    /// It is deleted.
    Delete,
}

impl AgentRemoval {
    /// How long a drain may take until it is reported as stalled.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Period::duration_or(self.timeout.as_ref(), Duration::from_secs(30 * 60))
    }
}

impl SecuritySpec {
    /// How long a node's certificate is valid.
    #[must_use]
    pub fn certificate_lifetime(&self) -> Duration {
        Period::duration_or(
            self.certificate_lifetime.as_ref(),
            Duration::from_secs(720 * 3600),
        )
    }
}
