//! Approvals, timeouts and what is kept for going back.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Phase;
use crate::period::Period;

/// Approvals, timeouts and what is kept for going back.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Orchestration {
    /// Whether a person opens the gate after each phase. Default: Manual.
    #[serde(default)]
    pub approval: Approval,
    /// An approval waited for longer than this is alerted. Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_timeout: Option<Period>,
    /// Time between two health checks. Default: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_interval: Option<Period>,
    /// How long each phase may take until it counts as stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_timeouts: Option<PhaseTimeouts>,
    /// What a timeout does. Default: Alert.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// How long cluster A's data is kept after the last phase. Default: 72h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_retention: Option<Period>,
}

/// Whether a person opens the gate.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approval {
    /// Yes: the annotation mesolith.io/approve with the phase and the hash of its evidence.
    #[default]
    Manual,
    /// No, except before something that cannot be undone.
    Automatic,
}

/// What a timeout does.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// The migration is reported as stalled and people are told.
    #[default]
    Alert,
    /// It also goes back to the phase before, and stays there. To try again, set `spec.rollback` and take it away.
    RollBack,
}

/// How long each phase may take.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTimeouts {
    /// Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_zk: Option<Period>,
    /// Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_masters: Option<Period>,
    /// Default: 15m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_masters: Option<Period>,
    /// Default: 60m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_agents: Option<Period>,
    /// Default: 12h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_agents: Option<Period>,
    /// Default: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_zk: Option<Period>,
}

impl Orchestration {
    /// How long a phase may take until it counts as stalled.
    #[must_use]
    pub fn phase_timeout(&self, phase: Phase) -> Duration {
        let timeouts = self.phase_timeouts.as_ref();
        let (written, minutes) = match phase {
            Phase::DeployZk => (timeouts.and_then(|t| t.deploy_zk.as_ref()), 60),
            Phase::DeployMasters => (timeouts.and_then(|t| t.deploy_masters.as_ref()), 30),
            Phase::RetireMasters => (timeouts.and_then(|t| t.retire_masters.as_ref()), 15),
            Phase::DeployAgents => (timeouts.and_then(|t| t.deploy_agents.as_ref()), 60),
            Phase::DrainAgents => (timeouts.and_then(|t| t.drain_agents.as_ref()), 720),
            Phase::RemoveZk => (timeouts.and_then(|t| t.remove_zk.as_ref()), 30),
        };
        Period::duration_or(written, Duration::from_secs(minutes * 60))
    }

    /// How long an approval may be waited for until people are told.
    #[must_use]
    pub fn approval_timeout(&self) -> Duration {
        Period::duration_or(self.approval_timeout.as_ref(), Duration::from_secs(3600))
    }

    /// How long cluster A's data is kept.
    #[must_use]
    pub fn rollback_retention(&self) -> Duration {
        Period::duration_or(self.rollback_retention.as_ref(), Duration::from_secs(72 * 3600))
    }
}
