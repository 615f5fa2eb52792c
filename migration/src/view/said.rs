//! What is said to people: what is waited for, evidence, alerts, checks.

use jiff::Timestamp;
use mesolith_crds::v1alpha1::zk_migration::{
    ActiveAlert, Evidence, Phase, PreflightCheck, Rollback, Waiting,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RollbackView {
    /// The phase whose result stays; absent: all the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_phase: Option<u8>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RollbackView {
    pub(super) fn of(rollback: &Rollback) -> Self {
        Self {
            to_phase: rollback.to_phase.map(Phase::number),
            reason: rollback.reason.clone(),
        }
    }
}

/// One thing that has to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WaitView {
    /// One CamelCase word of docs/reasons.md.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// What a person types, when a person must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl WaitView {
    pub(super) fn of(wait: &Waiting) -> Self {
        Self {
            reason: wait.reason.clone(),
            message: wait.message.clone(),
            command: wait.command.clone(),
        }
    }
}

/// What an approval signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EvidenceView {
    /// The phase that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The hash that is signed.
    pub hash: String,
    /// One line for people.
    pub summary: String,
    /// Since when it is this evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// The facts.
    pub facts: BTreeMap<String, String>,
}

impl EvidenceView {
    pub(super) fn of(evidence: &Evidence) -> Self {
        Self {
            phase: evidence.phase.map(|phase| phase.to_string()),
            hash: evidence.hash.clone(),
            summary: evidence.summary.clone(),
            since: evidence.since.as_ref().map(|time| time.0),
            facts: evidence.facts.clone(),
        }
    }
}

/// Something that a person should look at, as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertView {
    /// Its cause, and which part of the clusters.
    pub name: String,
    /// Warning or Critical.
    pub severity: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What happened, and what to do.
    pub message: String,
}

impl AlertView {
    pub(super) fn of(alert: &ActiveAlert) -> Self {
        Self {
            name: alert.name.clone(),
            severity: format!("{:?}", alert.severity),
            since: alert.since.0,
            message: alert.message.clone(),
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// Pending, Passed, Warning, Failed or Skipped.
    pub status: String,
    /// Why it did not pass: one CamelCase word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was found, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl CheckView {
    pub(super) fn of(check: &PreflightCheck) -> Self {
        Self {
            name: check.name.clone(),
            status: format!("{:?}", check.status),
            reason: check.reason.clone(),
            message: check.message.clone(),
        }
    }
}
