//! Which entries of the audit log a reconcile makes, and how they come into the status. Pure.
//!
//! ```text
//! statuses before and after ─► entries ─► lines ─► status.audit, in the same write ─► log (ConfigMaps)
//! ```
//!
//! An entry is a fact once the status that it tells of is written, and it is written in that status. From there it is
//! carried to the log, as often as it takes: the log takes each number once. So an operator that is killed anywhere
//! in between neither loses an entry nor writes one twice.

mod log;

pub(super) use log::AuditLog;
pub(crate) use log::Error;

use super::account::moves;
use super::progress;
use crate::report::{Finding, Truth};
use jiff::Timestamp;
use kube::ResourceExt;
use mesolith_audit::{Entry, Head, append};
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_crds::v1alpha1::zk_migration::{AuditStatus, HistoryEntry, Phase, ZkMigrationStatus};
use mesolith_crds::{APPROVED_BY_ANNOTATION, ASKED_BY_ANNOTATION, Reason, condition};

/// Who decided, when no person did.
const OPERATOR: &str = "mesolith-operator";
/// A person whose name nobody has written down: the admission policies are switched off.
const SOMEBODY: &str = "unknown";
/// Bytes of a sentence, and of a name: so that entries fit into the status.
const SENTENCE: usize = 1024;
const NAME: usize = 256;
/// Entries that a status keeps. A reconcile makes fewer.
const NEWEST: usize = 8;

/// Waits that refuse something that a person asked for, with who that was.
const REFUSALS: [(Reason, Asked); 4] = [
    (Reason::StaleApproval, Asked::Approval),
    (Reason::ApprovalOfAnotherPhase, Asked::Approval),
    (Reason::NothingToGoBack, Asked::Change),
    (Reason::ClusterMoves, Asked::Nobody),
];

#[derive(Clone, Copy)]
enum Asked {
    Approval,
    Change,
    Nobody,
}

/// What happened between the two statuses that somebody may want to know in a year.
pub(super) fn entries(
    object: &ZkMigration,
    before: &ZkMigrationStatus,
    after: &ZkMigrationStatus,
    findings: &[Finding],
    now: Timestamp,
) -> Vec<Entry> {
    let about = |user: String, reason: Reason, what: &str, phase: Option<Phase>| Entry {
        time: now,
        user: cut(&user, NAME),
        cause: reason.to_string(),
        phase: phase.map(|phase| phase.to_string()),
        what: cut(what, SENTENCE),
        uid: object.uid().unwrap_or_default(),
    };
    let phase = after.phase.filter(|_| !progress::record(after).is_clean());
    let mut entries = Vec::new();
    let was_paused = condition::is_true(&before.conditions, condition::PAUSED);
    match (was_paused, object.spec.paused) {
        (false, true) => {
            let what = "set spec.paused: nothing new is begun";
            entries.push(about(asked(object), Reason::Paused, what, phase));
        }
        (true, false) => {
            let what = "took spec.paused away: it goes on";
            entries.push(about(asked(object), Reason::Resumed, what, phase));
        }
        (true, true) | (false, false) => {}
    }
    for made in moves(before, after) {
        let reason = Reason::parse(&made.reason).unwrap_or(Reason::Progressing);
        let user = match reason {
            Reason::Approved => made.by.clone().unwrap_or_else(|| SOMEBODY.to_owned()),
            Reason::TurnedBack | Reason::TurnedForward => asked(object),
            _ => OPERATOR.to_owned(),
        };
        entries.push(about(user, reason, &told(object, before, made), made.phase));
    }
    let new = |message: &str| before.waiting_for.iter().all(|known| known.message != message);
    for wait in &after.waiting_for {
        let refusal = REFUSALS
            .iter()
            .find(|(reason, _)| *reason == *wait.reason.as_str());
        if let Some((reason, by)) = refusal.filter(|_| new(&wait.message)) {
            let user = match by {
                Asked::Approval => annotation(object, APPROVED_BY_ANNOTATION),
                Asked::Change => asked(object),
                Asked::Nobody => OPERATOR.to_owned(),
            };
            entries.push(about(user, *reason, &format!("refused: {}", wait.message), phase));
        }
    }
    // A spec that cannot be followed is refused as a whole.
    let refused = |finding: &&Finding| finding.kind == "SpecValid" && finding.truth == Truth::False;
    if let Some(finding) = findings.iter().find(refused)
        && new(&finding.message)
    {
        let what = format!("refused: {}", finding.message);
        entries.push(about(SOMEBODY.to_owned(), finding.reason, &what, phase));
    }
    entries
}

/// A migration is deleted in the middle, as a person's annotation says.
pub(super) fn abandoned(
    object: &ZkMigration,
    status: &ZkMigrationStatus,
    annotation: &str,
    now: Timestamp,
) -> Entry {
    let at = progress::record(status);
    Entry {
        time: now,
        user: SOMEBODY.to_owned(),
        cause: Reason::Abandoned.to_string(),
        phase: Some(at.phase.to_string()),
        what: format!(
            "deleted with the annotation {annotation} in {} {:?} {:?}: the cluster stays as it is",
            at.phase, at.stage, at.direction
        ),
        uid: object.uid().unwrap_or_default(),
    }
}

/// A move in a sentence.
fn told(object: &ZkMigration, before: &ZkMigrationStatus, made: &HistoryEntry) -> String {
    let from = progress::record(before);
    let mut text = format!(
        "{} {:?} {:?} to {} {:?} {:?}: {}",
        from.phase,
        from.stage,
        from.direction,
        made.phase.unwrap_or_default(),
        made.stage.unwrap_or_default(),
        made.direction.unwrap_or_default(),
        made.message
    );
    if let Some(hash) = &made.evidence_hash {
        text += &format!("; evidence {hash}");
    }
    let why = object
        .spec
        .rollback
        .as_ref()
        .and_then(|rollback| rollback.reason.as_ref());
    if let Some(why) = why.filter(|_| made.reason == Reason::TurnedBack.as_str()) {
        text += &format!("; {why}");
    }
    text
}

/// Who asked for the pause, its end or the way back.
fn asked(object: &ZkMigration) -> String {
    annotation(object, ASKED_BY_ANNOTATION)
}

fn annotation(object: &ZkMigration, name: &str) -> String {
    let named = object.annotations().get(name).filter(|name| !name.is_empty());
    named.cloned().unwrap_or_else(|| SOMEBODY.to_owned())
}

/// A text that needs at most twice its bytes in JSON.
fn cut(text: &str, limit: usize) -> String {
    let text = &text[..text.floor_char_boundary(limit)];
    text.replace(char::is_control, " ")
}

/// Where the next entry follows: the end of the log, or that of the entries in the status that are not in it yet.
pub(super) fn end(known: Option<&AuditStatus>, log: &Head) -> Head {
    let recorded = known.and_then(|audit| audit.head.parse::<Head>().ok());
    // A status that was lost, or restored from an older copy, is behind its log.
    recorded
        .filter(|recorded| recorded.sequence > log.sequence)
        .unwrap_or_else(|| log.clone())
}

/// Puts the entries into the status, behind `end`.
pub(super) fn put(status: &mut ZkMigrationStatus, end: Head, log: String, entries: &[Entry]) {
    let known = status.audit.take().filter(|known| known.head == end.to_string());
    let mut audit = AuditStatus {
        log,
        newest: known.map(|audit| audit.newest).unwrap_or_default(),
        ..AuditStatus::default()
    };
    let mut end = end;
    for entry in entries {
        let line = append(&end, entry);
        audit.newest.push(line.text);
        end = line.head;
    }
    let excess = audit.newest.len().saturating_sub(NEWEST);
    audit.newest.drain(..excess);
    audit.head = end.to_string();
    status.audit = Some(audit);
}

#[cfg(test)]
mod tests;
