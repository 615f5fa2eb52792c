//! Conditions as the Kubernetes API conventions want them. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use mesolith_crds::Reason;

/// Longest message the API server takes.
const MESSAGE_LIMIT: usize = 32_768;

/// The three values of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// Holds.
    True,
    /// Does not hold.
    False,
    /// Not known (yet).
    Unknown,
}

impl Truth {
    fn text(self) -> &'static str {
        match self {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        }
    }
}

/// What a reconcile found out about one condition type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Condition type.
    pub(crate) kind: &'static str,
    /// Its value.
    pub(crate) truth: Truth,
    /// Why it has this value.
    pub(crate) reason: Reason,
    /// What happened, where, what to do next.
    pub(crate) message: String,
}

impl Finding {
    /// The condition holds.
    pub(crate) fn yes(kind: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::True,
            reason,
            message: message.into(),
        }
    }

    /// The condition does not hold.
    pub(crate) fn no(kind: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::False,
            reason,
            message: message.into(),
        }
    }

    /// It is not known whether the condition holds.
    pub(crate) fn unknown(kind: &'static str, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::Unknown,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions after a reconcile: types without a finding stay as they are, and `lastTransitionTime` moves only
/// with the status value.
pub(super) fn conditions(
    before: &[Condition],
    findings: &[Finding],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let mut after = before.to_vec();
    for finding in findings {
        let old = after.iter().position(|c| c.type_ == finding.kind);
        let since = match old.map(|i| &after[i]) {
            Some(c) if c.status == finding.truth.text() => c.last_transition_time.clone(),
            // The API stores whole seconds: more precision would look like a change at the next reconcile.
            _ => Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        };
        let mut message = finding.message.clone();
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        let condition = Condition {
            type_: finding.kind.to_owned(),
            status: finding.truth.text().to_owned(),
            reason: finding.reason.to_string(),
            message,
            observed_generation: generation,
            last_transition_time: since,
        };
        match old {
            Some(i) => after[i] = condition,
            None => after.push(condition),
        }
    }
    after
}

/// Findings whose status or reason is new: worth an event.
pub(super) fn transitions<'a>(before: &[Condition], findings: &'a [Finding]) -> Vec<&'a Finding> {
    findings
        .iter()
        .filter(|new| match before.iter().find(|old| old.type_ == new.kind) {
            Some(old) => old.status != new.truth.text() || new.reason != *old.reason,
            None => new.truth != Truth::Unknown,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let after =
            |before: &[Condition], finding, second| conditions(before, &[finding], Some(second), at(second));
        let first = after(&[], Finding::no("Ready", Reason::WaitingForQuorum, "1 of 3"), 10);
        let second = after(&first, Finding::no("Ready", Reason::WaitingForLeader, "none"), 20);
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!(second[0].observed_generation, Some(20));
        let third = after(&second, Finding::yes("Ready", Reason::AllServing, ""), 30);
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn the_same_findings_change_nothing() {
        let findings = [
            Finding::yes("Ready", Reason::AllServing, "3 masters"),
            Finding::unknown("A", Reason::WaitingForAnswer, ""),
        ];
        let first = conditions(&[], &findings, Some(1), at(10));
        assert_eq!(conditions(&first, &findings, Some(1), at(99)), first);
    }

    #[test]
    fn a_transition_is_a_new_status_or_a_new_reason() {
        let findings = [
            Finding::no("A", Reason::WaitingForQuorum, "1"),
            Finding::yes("B", Reason::UpToDate, ""),
            Finding::unknown("C", Reason::WaitingForAnswer, ""),
        ];
        let old = conditions(&[], &findings, Some(1), at(1));
        assert_eq!(transitions(&[], &findings).len(), 2);
        let message_only = [Finding::no("A", Reason::WaitingForQuorum, "2")];
        assert!(transitions(&old, &message_only).is_empty());
        let reason = [Finding::no("A", Reason::WaitingForLeader, "2")];
        assert_eq!(transitions(&old, &reason), [&reason[0]]);
        let status = [Finding::yes("A", Reason::WaitingForQuorum, "1")];
        assert_eq!(transitions(&old, &status), [&status[0]]);
    }
}
