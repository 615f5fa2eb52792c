//! Conditions as the Kubernetes API conventions want them. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

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
    /// CamelCase reason, never empty.
    pub(crate) reason: String,
    /// What happened, where, what to do next.
    pub(crate) message: String,
}

impl Finding {
    /// The condition holds.
    pub(crate) fn yes(kind: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::True,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// The condition does not hold.
    pub(crate) fn no(kind: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::False,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// It is not known whether the condition holds.
    pub(crate) fn unknown(kind: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            truth: Truth::Unknown,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// The conditions after a reconcile: types without a finding stay as they are, and `lastTransitionTime` moves only
/// with the status value.
pub(crate) fn conditions(
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
            reason: finding.reason.clone(),
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

/// Conditions whose status or reason is new: worth an event.
pub(crate) fn transitions<'a>(before: &[Condition], after: &'a [Condition]) -> Vec<&'a Condition> {
    after
        .iter()
        .filter(|new| match before.iter().find(|old| old.type_ == new.type_) {
            Some(old) => old.status != new.status || old.reason != new.reason,
            None => new.status != Truth::Unknown.text(),
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
        let first = conditions(
            &[],
            &[Finding::no("Ready", "WaitingForQuorum", "1 of 3")],
            Some(1),
            at(10),
        );
        let second = conditions(
            &first,
            &[Finding::no("Ready", "WaitingForLeader", "none")],
            Some(2),
            at(20),
        );
        assert_eq!(second[0].last_transition_time.0, at(10));
        assert_eq!(second[0].observed_generation, Some(2));
        let third = conditions(&second, &[Finding::yes("Ready", "Ready", "")], Some(2), at(30));
        assert_eq!(third[0].last_transition_time.0, at(30));
    }

    #[test]
    fn the_same_findings_change_nothing() {
        let findings = [
            Finding::yes("Ready", "Ready", "3 masters"),
            Finding::unknown("A", "NotSeen", ""),
        ];
        let first = conditions(&[], &findings, Some(1), at(10));
        assert_eq!(conditions(&first, &findings, Some(1), at(99)), first);
    }

    #[test]
    fn a_transition_is_a_new_status_or_a_new_reason() {
        let old = conditions(
            &[],
            &[Finding::no("A", "X", "1"), Finding::yes("B", "Ok", "")],
            Some(1),
            at(1),
        );
        let message_only = conditions(&old, &[Finding::no("A", "X", "2")], Some(1), at(2));
        assert!(transitions(&old, &message_only).is_empty());
        let reason = conditions(&old, &[Finding::no("A", "Y", "2")], Some(1), at(2));
        assert_eq!(
            transitions(&old, &reason)
                .iter()
                .map(|c| c.reason.as_str())
                .collect::<Vec<_>>(),
            ["Y"]
        );
        assert_eq!(transitions(&[], &old).len(), 2);
    }
}
