//! How a migration goes: synchronisation, approvals, alerts, checks.

use super::DocumentError;
use super::fate::Fates;
use super::model::Document;
use mesolith_crds::period::Period;
use mesolith_crds::v1alpha1::zk_migration::{
    Alerts, Approval, ConflictResolution, Orchestration, PhaseTimeouts, SecretKeyRef, SyncSpec, Validation,
};
use mesolith_secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn sync(document: &Document, fates: &mut Fates) -> Result<SyncSpec, DocumentError> {
    let section = &document.sync;
    let mut spec = SyncSpec::default();
    let short = document.config.sync_lag_threshold_ms;
    if let Some(lag) = section.lag_threshold_ms.or(short) {
        let field = if section.lag_threshold_ms.is_some() {
            "sync.lag_threshold_ms"
        } else {
            "config.sync_lag_threshold_ms"
        };
        spec.lag_threshold = Some(period(fates, field, lag, "ms", "spec.sync.lagThreshold"));
    }
    if let Some(written) = &section.conflict_resolution {
        let field = "sync.conflict_resolution";
        let found: ConflictResolution = word(field, written)?;
        fates.to(field, written, format!("spec.sync.conflictResolution: {found:?}"));
        spec.conflict_resolution = found;
    }
    if !section.paths_to_sync.is_empty() {
        let paths = section.paths_to_sync.join(", ");
        fates.to(
            "sync.paths_to_sync",
            &paths,
            format!("spec.sync.paths: [{paths}]"),
        );
        spec.paths.clone_from(&section.paths_to_sync);
    }
    if let Some(size) = section.snapshot_batch_size {
        fates.to(
            "sync.snapshot_batch_size",
            size,
            format!("spec.sync.snapshotBatchSize: {size}"),
        );
        spec.snapshot_batch_size = Some(size);
    }
    if let Some(retries) = section.max_retries {
        fates.none(
            "sync.max_retries",
            retries,
            "nothing: the engine never gives up, since one that did would leave B behind A. What it cannot write is \
             counted, alerted (SyncFailure) and keeps the gate closed",
        );
    }
    if let Some(backoff) = section.retry_backoff_ms {
        fates.none(
            "sync.retry_backoff_ms",
            backoff,
            "nothing: the engine makes a lost link again by itself and goes on from its checkpoint",
        );
    }
    Ok(spec)
}

pub(super) fn orchestration(document: &Document, fates: &mut Fates) -> Result<Orchestration, DocumentError> {
    let (section, short) = (&document.orchestration, &document.config);
    let mut spec = Orchestration::default();
    let of = |long: bool, name: &str| format!("{}.{name}", if long { "orchestration" } else { "config" });
    if let Some(manual) = section.require_manual_approval.or(short.require_manual_approval) {
        spec.approval = if manual {
            Approval::Manual
        } else {
            Approval::Automatic
        };
        let field = of(
            section.require_manual_approval.is_some(),
            "require_manual_approval",
        );
        fates.to(
            &field,
            manual,
            format!("spec.orchestration.approval: {:?}", spec.approval),
        );
    }
    if let Some(minutes) = section.approval_timeout_minutes {
        let (field, to) = (
            "orchestration.approval_timeout_minutes",
            "spec.orchestration.approvalTimeout",
        );
        spec.approval_timeout = Some(period(fates, field, minutes, "m", to));
    }
    if let Some(seconds) = section
        .health_check_interval_sec
        .or(short.health_check_interval_sec)
    {
        let field = of(
            section.health_check_interval_sec.is_some(),
            "health_check_interval_sec",
        );
        let to = "spec.orchestration.healthCheckInterval";
        spec.health_check_interval = Some(period(fates, &field, seconds, "s", to));
    }
    let minutes = &section.phase_timeout_minutes;
    let mut timeouts = PhaseTimeouts::default();
    for (given, number, name, to) in [
        (minutes.phase_1, 1, "deployZk", &mut timeouts.deploy_zk),
        (minutes.phase_2, 2, "deployMasters", &mut timeouts.deploy_masters),
        (minutes.phase_3, 3, "retireMasters", &mut timeouts.retire_masters),
        (minutes.phase_4, 4, "deployAgents", &mut timeouts.deploy_agents),
        (minutes.phase_5, 5, "drainAgents", &mut timeouts.drain_agents),
        (minutes.phase_6, 6, "removeZk", &mut timeouts.remove_zk),
    ] {
        if let Some(given) = given {
            let field = format!("orchestration.phase_timeout_minutes.phase_{number}");
            let becomes = format!("spec.orchestration.phaseTimeouts.{name}");
            *to = Some(period(fates, &field, given, "m", &becomes));
        }
    }
    spec.phase_timeouts = Some(timeouts).filter(|timeouts| *timeouts != PhaseTimeouts::default());
    if let Some(hours) = section.rollback_retention_hours {
        let (field, to) = (
            "orchestration.rollback_retention_hours",
            "spec.orchestration.rollbackRetention",
        );
        spec.rollback_retention = Some(period(fates, field, hours, "h", to));
    }
    Ok(spec)
}

pub(super) fn alerts(
    document: &Document,
    secret_name: &str,
    secrets: &mut BTreeMap<String, Secret>,
    fates: &mut Fates,
) -> Result<Option<Alerts>, DocumentError> {
    let section = &document.alerts;
    let mut spec = Alerts::default();
    for (given, key, field, becomes, to) in [
        (
            &section.slack_webhook,
            "slack",
            "alerts.slack_webhook",
            "spec.alerts.slackWebhook",
            &mut spec.slack_webhook,
        ),
        (
            &section.pagerduty_integration_key,
            "pagerduty",
            "alerts.pagerduty_integration_key",
            "spec.alerts.pagerdutyIntegrationKey",
            &mut spec.pagerduty_integration_key,
        ),
    ] {
        let Some(given) = given else { continue };
        secrets.insert(key.to_owned(), given.clone());
        fates.to(
            field,
            "***",
            format!("{becomes}: key {key} of the Secret {secret_name}, which is made with it"),
        );
        *to = Some(SecretKeyRef {
            name: secret_name.to_owned(),
            key: key.to_owned(),
        });
    }
    if !section.email.is_empty() {
        spec.email.clone_from(&section.email);
        fates.to(
            "alerts.email",
            section.email.join(", "),
            "spec.alerts.email; no mail is sent until spec.alerts.smtp names a server that takes it (host, from)",
        );
    }
    if !section.alert_on.is_empty() {
        spec.alert_on = words("alerts.alert_on", &section.alert_on, "spec.alerts.alertOn", fates)?;
    }
    Ok(Some(spec).filter(|spec| *spec != Alerts::default()))
}

pub(super) fn validation(
    document: &Document,
    fates: &mut Fates,
) -> Result<Option<Validation>, DocumentError> {
    let section = &document.validation;
    let spec = Validation {
        pre_migration: words(
            "validation.pre_migration",
            &section.pre_migration,
            "spec.validation.preMigration",
            fates,
        )?,
        in_flight: words(
            "validation.in_flight",
            &section.in_flight,
            "spec.validation.inFlight",
            fates,
        )?,
        post_migration: words(
            "validation.post_migration",
            &section.post_migration,
            "spec.validation.postMigration",
            fates,
        )?,
    };
    Ok(Some(spec).filter(|spec| *spec != Validation::default()))
}

fn period(fates: &mut Fates, field: &str, value: u64, unit: &str, to: &str) -> Period {
    let text = format!("{value}{unit}");
    fates.to(field, value, format!("{to}: {text}"));
    Period::from(text.as_str())
}

fn words<T: DeserializeOwned + std::fmt::Debug>(
    field: &str,
    written: &[String],
    to: &str,
    fates: &mut Fates,
) -> Result<Vec<T>, DocumentError> {
    let found = written
        .iter()
        .map(|text| word(field, text))
        .collect::<Result<Vec<T>, _>>()?;
    if !found.is_empty() {
        fates.to(field, written.join(", "), format!("{to}: {found:?}"));
    }
    Ok(found)
}

/// `sync_lag_high` and `source-wins` are `SyncLagHigh` and `SourceWins`.
fn word<T: DeserializeOwned>(field: &str, written: &str) -> Result<T, DocumentError> {
    let mut camel = String::new();
    for part in written.split(['_', '-']) {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    serde_json::from_value(Value::String(camel)).map_err(|error| DocumentError::Wrong {
        field: field.to_owned(),
        value: written.to_owned(),
        problem: format!("is not known: {error}"),
    })
}
