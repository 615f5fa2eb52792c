//! Everything that a reconcile leaves behind beside its effects: the status, with the audit log's entries and the alerts in
//! it; the log; events; metrics. The order is what makes it safe: status, log, effects.

use super::account::moves;
use super::alerts::{Alerting, Undelivered, Watched};
use super::audit::{self, AuditLog};
use super::metrics::MigrationMetrics;
use super::{ABANDON_ANNOTATION, Error, FINALIZER};
use crate::finalizers;
use crate::key::ObjectKey;
use crate::report::{Announced, Event, Finding, Reporter, status_of};
use jiff::Timestamp;
use kube::{Client, Resource, ResourceExt};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{AuditStatus, ZkMigrationStatus};
use std::collections::BTreeMap;

/// The condition that says that a channel of `spec.alerts` does not get its messages.
const DELIVERED: &str = "AlertsDelivered";

/// Keeps the records of every migration, for one term as leader.
pub(super) struct Recorder {
    reporter: Reporter,
    audit: AuditLog,
    /// None when this machine's certificates cannot be read.
    alerting: Option<Alerting>,
    metrics: MigrationMetrics,
}

impl Recorder {
    /// `namespace` is the operator's own: who may change a migration cannot change its audit log.
    pub(super) fn new(
        client: Client,
        reporter: Reporter,
        namespace: String,
        metrics: MigrationMetrics,
    ) -> Self {
        let alerting = Alerting::from_client(client.clone());
        let alerting = alerting.inspect_err(|error| {
            tracing::error!(error = crate::outcome::chain(error), "nobody is told of alerts");
        });
        Self {
            reporter,
            audit: AuditLog::new(client, namespace),
            alerting: alerting.ok(),
            metrics,
        }
    }

    /// Brings into the log what an operator before this one has left in the status. Nothing new is done before.
    pub(super) async fn catch_up(&self, object: &ZkMigration) -> Result<(), Error> {
        match status_of(object).audit {
            Some(known) => self.append(object, &known.newest).await,
            None => Ok(()),
        }
    }

    /// Writes the status if anything changed, and everything that comes with it.
    pub(super) async fn report(
        &self,
        object: &ZkMigration,
        mut after: ZkMigrationStatus,
        mut findings: Vec<Finding>,
        announced: Announced,
        watched: Option<Watched>,
    ) -> Result<(), Error> {
        let before = status_of(object);
        // The API server keeps whole seconds.
        let now = Timestamp::now();
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        // One that leaves nothing behind may go without a word, and nobody would take its figures away.
        if let Some(watched) = watched.filter(|_| finalizers::has(object, FINALIZER)) {
            if let Some(alerting) = &self.alerting {
                let shown = alerting.update(object, &watched, now);
                after.alerts = shown.alerts;
                undelivered(&mut after, &mut findings, &shown.undelivered);
            }
            let key = ObjectKey::of(object);
            self.metrics.set(&key.namespace, &key.name, watched.figures);
        }
        let entries = audit::entries(object, &before, &after, &findings, now);
        if !entries.is_empty() {
            let log = self.audit.end(object).await.map_err(Error::Audit)?;
            let end = audit::end(before.audit.as_ref(), &log);
            audit::put(&mut after, end, self.audit.place(object), &entries);
        }
        let written = self
            .reporter
            .report(object, after.clone(), &findings, announced)
            .await;
        written.map_err(Error::WriteStatus)?;
        if let Some(audit) = after.audit.as_ref().filter(|_| !entries.is_empty()) {
            self.append(object, &audit.newest).await?;
        }
        let about = object.object_ref(&());
        for made in moves(&before, &after) {
            let Some(reason) = Reason::parse(&made.reason) else {
                continue;
            };
            let phase = made.phase.unwrap_or_default();
            let event = Event {
                related: None,
                reason,
                action: &format!("{phase}{:?}", made.direction.unwrap_or_default()),
                note: &format!("{phase} {:?}: {}", made.stage.unwrap_or_default(), made.message),
            };
            self.reporter.publish(&about, event).await;
        }
        Ok(())
    }

    /// Whether the end of a migration that is deleted in the middle is on record; if not, it is put there, and the write
    /// comes back as a trigger.
    pub(super) async fn abandoned(&self, object: &ZkMigration) -> Result<bool, Error> {
        let before = status_of(object);
        let is_abandoned = |audit: &AuditStatus| {
            let cause = format!("{{\"cause\":\"{}\"", Reason::Abandoned);
            audit.newest.last().is_some_and(|line| line.starts_with(&cause))
        };
        if before.audit.as_ref().is_some_and(is_abandoned) {
            return Ok(true);
        }
        let log = self.audit.end(object).await.map_err(Error::Audit)?;
        let mut after = before.clone();
        let entry = audit::abandoned(object, &before, ABANDON_ANNOTATION, Timestamp::now());
        let end = audit::end(before.audit.as_ref(), &log);
        audit::put(&mut after, end, self.audit.place(object), &[entry]);
        let written = self.reporter.report(object, after, &[], Announced::All).await;
        written.map_err(Error::WriteStatus)?;
        Ok(false)
    }

    /// The migration is gone.
    pub(super) fn forget(&self, object: &ZkMigration) {
        let key = ObjectKey::of(object);
        let uid = object.uid().unwrap_or_default();
        self.metrics.forget(&key.namespace, &key.name);
        self.audit.forget(&uid);
        if let Some(alerting) = &self.alerting {
            alerting.forget(&uid);
        }
    }

    async fn append(&self, object: &ZkMigration, lines: &[String]) -> Result<(), Error> {
        let appended = self.audit.append(object, lines).await.map_err(Error::Audit)?;
        if let Some(broken) = appended.broken {
            let event = Event {
                related: None,
                reason: Reason::AuditLogBroken,
                action: "Audit",
                note: &format!(
                    "ConfigMap {broken} is not as it was written; the log goes on in the next one"
                ),
            };
            self.reporter.publish(&object.object_ref(&()), event).await;
        }
        Ok(())
    }
}

/// Channels that do not get their messages, as a condition while that lasts.
fn undelivered(
    after: &mut ZkMigrationStatus,
    findings: &mut Vec<Finding>,
    undelivered: &BTreeMap<String, Undelivered>,
) {
    let Some(first) = undelivered.values().next() else {
        after.conditions.retain(|condition| condition.type_ != DELIVERED);
        return;
    };
    let all: Vec<String> = undelivered
        .iter()
        .map(|(channel, why)| format!("{channel}: {}", why.message))
        .collect();
    findings.push(Finding::no(DELIVERED, first.reason, all.join(". ")));
}
