//! What a person should look at, from the facts of this moment. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use mesolith_crds::v1alpha1::zk_migration::{AlertCause, Phase};
use mesolith_crds::v1alpha1::{ZkMigration, ZkMigrationSpec};
use mesolith_notify::{Alert, Severity};

use super::super::metrics::Figures;
use super::subject::{key, source};

/// A lag above this is critical, whatever the migration's own threshold is.
const CRITICAL_LAG: Duration = Duration::from_millis(500);
/// More failed tasks than this part of those that run are critical.
const CRITICAL_FAILURES: f64 = 0.05;
/// An election takes as long as a session of ZooKeeper lasts; what takes longer is no election.
const ELECTION: Duration = Duration::from_secs(60);
/// A lag has a 95th percentile of a minute; one peak is no alert.
const LAG_LASTS: Duration = Duration::from_secs(60);

/// The facts of a migration that alerts are made of. What is not known raises none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Watched {
    /// What the metrics show.
    pub(in super::super) figures: Figures,
    /// The recorded phase.
    pub(in super::super) phase: Option<Phase>,
    /// How far the other side is behind, 95th percentile.
    pub(in super::super) lag_p95: Option<Duration>,
    /// Why the sync engine cannot go on.
    pub(in super::super) sync_failed: Option<String>,
    /// Conflicts since the start.
    pub(in super::super) conflicts: Option<u64>,
    /// Since when a person is waited for.
    pub(in super::super) awaits_approval: Option<Duration>,
}

/// What was counted lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Recent {
    /// Tasks that failed within 5 minutes.
    pub(super) tasks_failed: u64,
    /// Changes of the leading master within 15 minutes that no phase asked for.
    pub(super) leader_changes: u64,
    /// Conflicts within an hour.
    pub(super) conflicts: u64,
}

/// Something that is so now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cause {
    pub(super) cause: AlertCause,
    /// Which part of the clusters, where there are several.
    pub(super) part: Option<&'static str>,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) details: BTreeMap<String, String>,
    /// It is an alert once it has lasted so long.
    pub(super) lasts: Duration,
}

/// Everything that a person should look at now and asked to be told about.
pub(super) fn causes(spec: &ZkMigrationSpec, watched: &Watched, recent: &Recent) -> Vec<Cause> {
    let asked = spec.alerts.as_ref().map(|alerts| alerts.alert_on.as_slice());
    let asked = asked.filter(|causes| !causes.is_empty());
    let mut all: Vec<Cause> = Vec::new();
    all.extend(sync_lag(spec, watched));
    all.extend(sync_failure(watched));
    all.extend(conflicts(recent));
    all.extend(task_failures(watched, recent));
    all.extend(quorum_losses(watched));
    all.extend(leader_changes(recent));
    all.extend(phase_timeout(spec, watched));
    all.extend(approval_timeout(spec, watched));
    all.retain(|cause| asked.is_none_or(|asked| asked.contains(&cause.cause)));
    let phase = watched.phase.map(|phase| format!("{phase:?}"));
    for cause in &mut all {
        cause
            .details
            .extend(phase.clone().map(|phase| ("phase".to_owned(), phase)));
    }
    all
}

fn sync_lag(spec: &ZkMigrationSpec, watched: &Watched) -> Option<Cause> {
    let threshold = spec.sync.lag_threshold();
    let lag = watched.lag_p95.filter(|lag| *lag > threshold)?;
    let severity = if lag > CRITICAL_LAG {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let message = format!(
        "P95 of the lag is {} ms, above {} ms (spec.sync.lagThreshold); look at the latency between the ensembles and at \
         their disks: mesos-migrate sync status",
        lag.as_millis(),
        threshold.as_millis()
    );
    let cause = Cause::new(AlertCause::SyncLagHigh, severity, message);
    Some(
        cause
            .with("lagP95", format!("{} ms", lag.as_millis()))
            .after(LAG_LASTS),
    )
}

fn sync_failure(watched: &Watched) -> Option<Cause> {
    let why = watched.sync_failed.as_ref()?;
    let message = format!("The sync engine cannot go on: {why}; mesos-migrate sync status says more");
    Some(Cause::new(AlertCause::SyncFailure, Severity::Critical, message))
}

fn conflicts(recent: &Recent) -> Option<Cause> {
    let found = (recent.conflicts > 0).then_some(recent.conflicts)?;
    let message = format!(
        "{found} znodes were changed on both sides within an hour; find out who writes to the side that should not be \
         written: mesos-migrate sync conflicts"
    );
    Some(Cause::new(AlertCause::ConflictDetected, Severity::Warning, message).with("conflicts", found))
}

fn task_failures(watched: &Watched, recent: &Recent) -> Option<Cause> {
    let failed = (recent.tasks_failed > 0).then_some(recent.tasks_failed)?;
    let (a, b) = (watched.figures.a.tasks, watched.figures.b.tasks);
    let running = a.zip(b).map(|(a, b)| a + b);
    let severity = match running {
        Some(running) if failed as f64 > CRITICAL_FAILURES * running as f64 => Severity::Critical,
        _ => Severity::Warning,
    };
    let of = running.map_or(String::new(), |running| format!(" of {running}"));
    let message = format!(
        "{failed}{of} tasks failed within 5 minutes; look at them before the phase goes on, or go back: mesos-migrate \
         rollback"
    );
    Some(Cause::new(AlertCause::TaskFailure, severity, message).with("failed", failed))
}

fn quorum_losses(watched: &Watched) -> Vec<Cause> {
    let figures = &watched.figures;
    let mut lost = Vec::new();
    let mut add = |part, message: String, after| {
        let cause = Cause::new(AlertCause::QuorumLoss, Severity::Critical, message);
        lost.push(
            Cause {
                part: Some(part),
                ..cause
            }
            .after(after),
        );
    };
    for (part, side) in [("A", &figures.a), ("B", &figures.b)] {
        if side.zookeeper_quorum == Some(false) {
            let message = format!(
                "The ensemble of cluster {part} has no quorum: it takes no writes; start enough of its servers, or find \
                 what cuts them apart"
            );
            add(part, message, Duration::ZERO);
        }
    }
    if let (Some(up), Some(expected)) = (figures.masters_up, figures.masters_expected)
        && expected > 0
        && 2 * up <= expected
    {
        let message = format!("{up} of {expected} masters answer, no majority; start those that are down");
        add("Masters", message, Duration::ZERO);
    }
    if figures.mesos_leader == Some(false) {
        let message = "No master leads: tasks run on, but nothing can be started; look at the masters and at the \
                       ensembles that they are elected in";
        add("Leader", message.to_owned(), ELECTION);
    }
    lost
}

fn leader_changes(recent: &Recent) -> Option<Cause> {
    let changes = (recent.leader_changes > 0).then_some(recent.leader_changes)?;
    let message = format!(
        "Another master leads, {changes} times within 15 minutes, and no phase asked for it; look at the log of the one \
         that led before"
    );
    Some(Cause::new(AlertCause::LeaderChanged, Severity::Warning, message).with("changes", changes))
}

fn phase_timeout(spec: &ZkMigrationSpec, watched: &Watched) -> Option<Cause> {
    let phase = watched.phase.filter(|_| watched.figures.stalled)?;
    let message = format!(
        "{phase:?} takes longer than {} minutes (spec.orchestration.phaseTimeouts); kubectl describe zkmigration says what \
         it waits for",
        spec.orchestration.phase_timeout(phase).as_secs() / 60
    );
    Some(Cause::new(AlertCause::PhaseTimeout, Severity::Critical, message))
}

fn approval_timeout(spec: &ZkMigrationSpec, watched: &Watched) -> Option<Cause> {
    let limit = spec.orchestration.approval_timeout();
    let waited = watched.awaits_approval.filter(|waited| *waited > limit)?;
    let message = format!(
        "An approval has been waited for longer than {} minutes (spec.orchestration.approvalTimeout); kubectl describe \
         zkmigration shows the evidence and the command",
        limit.as_secs() / 60
    );
    let cause = Cause::new(AlertCause::ApprovalTimeout, Severity::Warning, message);
    Some(cause.with("minutes", waited.as_secs() / 60))
}

impl Cause {
    fn new(cause: AlertCause, severity: Severity, message: String) -> Self {
        Self {
            cause,
            part: None,
            severity,
            message,
            details: BTreeMap::new(),
            lasts: Duration::ZERO,
        }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }

    fn after(self, lasts: Duration) -> Self {
        Self { lasts, ..self }
    }

    /// Its name among the alerts of one migration: QuorumLoss/A.
    pub(super) fn name(&self) -> String {
        match self.part {
            Some(part) => format!("{:?}/{part}", self.cause),
            None => format!("{:?}", self.cause),
        }
    }

    pub(super) fn alert(&self, object: &ZkMigration, since: Timestamp) -> Alert {
        Alert {
            key: key(object, &self.name()),
            reason: format!("{:?}", self.cause),
            severity: self.severity,
            summary: self.message.clone(),
            details: self.details.clone(),
            source: source(object),
            since,
        }
    }
}
