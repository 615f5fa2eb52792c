//! Who reports: every status and every event of the operator goes through here.

use super::conditions::{Finding, conditions, transitions};
use super::degraded::{self, Change};
use super::events::{Announcer, Event};
use super::stored::Stored;
use crate::key::ObjectKey;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::object::HasStatus;
use kube::{Client, CustomResourceExt, Resource};
use mesolith_crds::condition::{DEGRADED, Observed, READY};
use mesolith_crds::{Reason, mistyped};
use serde::Serialize;
use serde_json::{Value, json};

/// What a person reads of an object that does not fit its type although no number or boolean is to blame. The API server
/// lets none through, so its schema is not ours; the parser's own words, in the log, name our types and would not help.
const UNREADABLE: &str = "The stored object does not fit this version of the operator, so the CRDs are of another one. Apply \
    the CRDs of this version, then this object again.";

/// The conditions whose transitions become events.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Announced {
    /// Every one.
    All,
    /// These types.
    Only(&'static [&'static str]),
}

impl Announced {
    fn has(self, finding: &Finding) -> bool {
        match self {
            Announced::All => true,
            Announced::Only(types) => types.contains(&finding.kind),
        }
    }
}

/// Writes statuses and events in the name of this replica.
#[derive(Clone)]
pub(crate) struct Reporter {
    client: Client,
    announcer: Announcer,
}

impl Reporter {
    /// `identity` is the name of this replica.
    pub(crate) fn new(client: Client, identity: String) -> Self {
        Self {
            announcer: Announcer::new(client.clone(), identity),
            client,
        }
    }

    /// Writes the status with these findings if anything changed, and events for the transitions. Conditions without
    /// a finding stay as `after` has them.
    ///
    /// # Errors
    /// What the API server answers; a conflict means: read again.
    pub(crate) async fn report<K>(
        &self,
        object: &K,
        mut after: K::Status,
        findings: &[Finding],
        announced: Announced,
    ) -> Result<(), kube::Error>
    where
        K: Resource<DynamicType = ()> + HasStatus,
        K::Status: Observed + Serialize,
    {
        let stored = Stored::of(object)?;
        let merged = conditions(after.conditions(), findings, stored.generation, Timestamp::now());
        after.observe(stored.generation, merged);
        let json = serde_json::to_value(&after).map_err(kube::Error::SerdeError)?;
        if stored.write(&self.client, &json).await? {
            let before = object.status().map(Observed::conditions).unwrap_or_default();
            self.announce(&stored, before, findings, announced).await;
        }
        Ok(())
    }

    /// Reports an object that is stored but cannot be read as its type.
    ///
    /// # Errors
    /// What the API server answers; a conflict means: read again.
    pub(crate) async fn report_unreadable<K>(&self, key: &ObjectKey, problem: &str) -> Result<(), kube::Error>
    where
        K: Resource<DynamicType = ()> + CustomResourceExt,
    {
        let Some(mut stored) = Stored::read::<K>(&self.client, key).await? else {
            return Ok(());
        };
        tracing::warn!(
            namespace = key.namespace,
            name = key.name,
            error = problem,
            "failed to read the stored object"
        );
        let wrong = mistyped::<K>(&mut stored.spec);
        let finding = if wrong.is_empty() {
            Finding::no(READY, Reason::InvalidSpec, UNREADABLE)
        } else {
            let message = format!("{}. What already runs is left as it is.", wrong.join("; "));
            Finding::no(READY, Reason::InvalidSpec, message)
        };
        let before = stored.conditions();
        self.write_conditions(&stored, before, &[finding]).await
    }

    /// Reports a failure that lasts, or with `None` that it is over.
    ///
    /// # Errors
    /// What the API server answers; a conflict means: read again.
    pub(crate) async fn report_failure<K>(
        &self,
        key: &ObjectKey,
        failure: Option<(Reason, &str)>,
    ) -> Result<(), kube::Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let Some(stored) = Stored::read::<K>(&self.client, key).await? else {
            return Ok(());
        };
        let mut before = stored.conditions();
        match degraded::change(&before, failure) {
            Change::None => Ok(()),
            Change::Over => {
                before.retain(|condition| condition.type_ != DEGRADED);
                self.write_conditions(&stored, before, &[]).await
            }
            Change::Says(finding) => self.write_conditions(&stored, before, &[finding]).await,
        }
    }

    /// An event that is no transition of a condition.
    pub(crate) async fn publish(&self, about: &ObjectReference, event: Event<'_>) {
        self.announcer.publish(about, event).await;
    }

    /// Writes findings beside whatever else the status has, on top of these conditions.
    async fn write_conditions(
        &self,
        stored: &Stored,
        before: Vec<Condition>,
        findings: &[Finding],
    ) -> Result<(), kube::Error> {
        let after = conditions(&before, findings, stored.generation, Timestamp::now());
        let mut status = match &stored.status {
            Value::Object(_) => stored.status.clone(),
            _ => json!({}),
        };
        status["conditions"] = serde_json::to_value(after).map_err(kube::Error::SerdeError)?;
        if stored.write(&self.client, &status).await? {
            self.announce(stored, &before, findings, Announced::All).await;
        }
        Ok(())
    }

    async fn announce(&self, stored: &Stored, before: &[Condition], findings: &[Finding], which: Announced) {
        for finding in transitions(before, findings) {
            if which.has(finding) {
                self.announcer.announce(&stored.about, finding).await;
            }
        }
    }
}
