//! Alerts of migrations: what a person should look at, as long as it lasts, and who is told.
//!
//! ```text
//! Watched (facts) ─► causes (pure) ─► pending ─► alerts ─┬─► status.alerts
//!                                                        └─► deliver (a task for each migration) ─► channels
//! ```
//!
//! A reconcile hands over facts and goes on: sending is a task of its own, so that a receiver that hangs delays nothing.
//! What was told is remembered in `status.alerts`: an operator that starts again does not tell it twice, and tells the end
//! of what ended meanwhile.

mod causes;
mod channels;
mod deliver;
mod pending;
mod secrets;
mod subject;
#[cfg(test)]
mod tests;
mod undelivered;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Client, ResourceExt};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{ActiveAlert, AlertSeverity};
use mesolith_notify::{Alert, Notifier, Policy, SetUpError, Severity};

pub(super) use causes::Watched;

use deliver::{Delivery, Secrets, Wanted};
use pending::Pending;
use subject::{key, source};
pub(super) use undelivered::Undelivered;

/// What a reconcile shows of a migration's alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shown {
    /// For `status.alerts`.
    pub(super) alerts: Vec<ActiveAlert>,
    /// Channels that failed the last time, by name.
    pub(super) undelivered: BTreeMap<String, Undelivered>,
}

/// Alerts of every migration, for one term as leader.
pub(super) struct Alerting {
    notifier: Notifier,
    secrets: Secrets,
    policy: Policy,
    migrations: Mutex<BTreeMap<String, Migration>>,
}

/// What is remembered of one migration.
struct Migration {
    pending: Pending,
    delivery: Delivery,
}

impl Alerting {
    /// Alerts whose secrets the API server has.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(super) fn from_client(client: Client) -> Result<Self, SetUpError> {
        let secrets = secrets::reader(client);
        Ok(Self::new(Notifier::new()?, secrets, Policy::default()))
    }

    fn new(notifier: Notifier, secrets: Secrets, policy: Policy) -> Self {
        Self {
            notifier,
            secrets,
            policy,
            migrations: Mutex::default(),
        }
    }

    /// Takes the present facts of a migration; returns what to show. Nothing is waited for.
    pub(super) fn update(&self, object: &ZkMigration, watched: &Watched, now: Timestamp) -> Shown {
        let mut migrations = self.migrations();
        let migration = migrations
            .entry(object.uid().unwrap_or_default())
            .or_insert_with(|| self.start(object));
        let recent = migration.pending.recent(watched, now);
        let causes = causes::causes(&object.spec, watched, &recent);
        let alerts: Vec<Alert> = migration
            .pending
            .lasting(causes, now)
            .into_iter()
            .map(|(cause, since)| cause.alert(object, since))
            .collect();
        let seen = migration.delivery.seen();
        let shown = Shown {
            alerts: active(object, &alerts, &seen.told),
            undelivered: seen.undelivered,
        };
        migration.delivery.want(Wanted {
            namespace: object.namespace().unwrap_or_default(),
            settings: object.spec.alerts.clone(),
            alerts,
        });
        shown
    }

    /// The migration is gone: the channels are told that its alerts are over.
    pub(super) fn forget(&self, uid: &str) {
        if let Some(migration) = self.migrations().remove(uid) {
            migration.delivery.end();
        }
    }

    fn start(&self, object: &ZkMigration) -> Migration {
        let before = object.status.as_ref().map_or(&[][..], |status| &status.alerts);
        Migration {
            pending: Pending::known(before),
            delivery: Delivery::start(
                self.notifier.clone(),
                self.secrets.clone(),
                self.policy.clone(),
                before
                    .iter()
                    .map(|alert| (lasted_before(object, alert), alert.told))
                    .collect(),
            ),
        }
    }

    fn migrations(&self) -> MutexGuard<'_, BTreeMap<String, Migration>> {
        self.migrations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An alert that the status had before this operator started.
fn lasted_before(object: &ZkMigration, alert: &ActiveAlert) -> Alert {
    Alert {
        key: key(object, &alert.name),
        reason: alert.name.split('/').next().unwrap_or_default().to_owned(),
        severity: match alert.severity {
            AlertSeverity::Warning => Severity::Warning,
            AlertSeverity::Critical => Severity::Critical,
        },
        summary: alert.message.clone(),
        details: BTreeMap::new(),
        source: source(object),
        since: alert.since.0,
    }
}

/// The alerts as the status has them, the worst first.
fn active(object: &ZkMigration, alerts: &[Alert], told: &BTreeSet<String>) -> Vec<ActiveAlert> {
    let prefix = key(object, "");
    let mut active: Vec<ActiveAlert> = alerts
        .iter()
        .map(|alert| ActiveAlert {
            name: alert.key.strip_prefix(&prefix).unwrap_or_default().to_owned(),
            severity: match alert.severity {
                Severity::Critical => AlertSeverity::Critical,
                Severity::Warning | Severity::Info => AlertSeverity::Warning,
            },
            since: Time(alert.since),
            message: alert.summary.clone(),
            told: told.contains(&alert.key),
        })
        .collect();
    active.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then(a.since.0.cmp(&b.since.0))
            .then(a.name.cmp(&b.name))
    });
    active
}
