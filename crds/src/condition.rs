//! Conditions in the standard Kubernetes shape, and the one way to change them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Summary of long-running resources: everything asked for is there and works.
pub const READY: &str = "Ready";
/// kstatus: work towards the newest spec is under way.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: no progress, and waiting alone will not help.
pub const STALLED: &str = "Stalled";
/// The object's `paused` field is honoured.
pub const PAUSED: &str = "Paused";

/// Truth of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known (yet).
    Unknown,
}

impl State {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for State {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What a reconciler found out about one condition type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// Condition type, for example [`READY`].
    pub type_: &'a str,
    /// Whether it holds.
    pub state: State,
    /// One CamelCase word for machines.
    pub reason: &'a str,
    /// A sentence for people: what, where, what to do.
    pub message: &'a str,
    /// `metadata.generation` that was looked at.
    pub generation: Option<i64>,
}

/// Puts a finding into the list; `lastTransitionTime` moves only when the state does.
/// Returns whether anything changed.
pub fn set(conditions: &mut Vec<Condition>, finding: &Finding<'_>, now: Timestamp) -> bool {
    let known = conditions.iter().position(|c| c.type_ == finding.type_);
    let since = known
        .and_then(|at| conditions.get(at))
        .filter(|c| c.status == finding.state.as_str())
        .map_or(Time(now), |c| c.last_transition_time.clone());
    let wanted = Condition {
        type_: finding.type_.to_owned(),
        status: finding.state.as_str().to_owned(),
        reason: finding.reason.to_owned(),
        message: finding.message.to_owned(),
        observed_generation: finding.generation,
        last_transition_time: since,
    };
    match known.and_then(|at| conditions.get_mut(at)) {
        Some(present) if *present == wanted => false,
        Some(present) => {
            *present = wanted;
            true
        }
        None => {
            conditions.push(wanted);
            true
        }
    }
}

/// The condition of that type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of that type is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == State::True.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(state: State, message: &str) -> Finding<'_> {
        Finding {
            type_: READY,
            state,
            reason: "WaitingForQuorum",
            message,
            generation: Some(1),
        }
    }

    #[test]
    fn time_moves_only_with_the_state() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let mut list = Vec::new();
        assert!(set(&mut list, &finding(State::False, "1 of 3"), early));
        assert!(
            !set(&mut list, &finding(State::False, "1 of 3"), late),
            "nothing new"
        );
        assert!(
            set(&mut list, &finding(State::False, "2 of 3"), late),
            "message is new"
        );
        assert_eq!(list[0].last_transition_time, Time(early));
        assert!(set(&mut list, &finding(State::True, ""), late));
        assert_eq!(list[0].last_transition_time, Time(late));
        assert_eq!(list.len(), 1);
        assert!(is_true(&list, READY) && !is_true(&list, STALLED));
    }
}
