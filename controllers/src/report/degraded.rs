//! Failures that last are reported on the object, not only in logs. Pure.

use super::conditions::Finding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use mesolith_crds::Reason;
use mesolith_crds::condition::DEGRADED;

/// One or two failures in a row may be a lost connection. So many, with the pauses between them, are reported.
pub(crate) const TELL_AFTER: u32 = 5;

/// What becomes of the condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It stays as it is, or away.
    None,
    /// The failure is over: it goes.
    Over,
    /// It says this from now on.
    Says(Finding),
}

/// The change for a failure, or for none. The same reason with another message is no change: an address or a time in
/// the message must not cause a write for every try.
pub(super) fn change(before: &[Condition], failure: Option<(Reason, &str)>) -> Change {
    let old = before.iter().find(|condition| condition.type_ == DEGRADED);
    match (old, failure) {
        (None, None) => Change::None,
        (Some(_), None) => Change::Over,
        (Some(old), Some((reason, _))) if reason == *old.reason && old.status == "True" => Change::None,
        (_, Some((reason, message))) => Change::Says(Finding::yes(DEGRADED, reason, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conditions::conditions;
    use super::*;

    #[test]
    fn the_same_failure_is_told_once_and_taken_back_once() {
        let refused = |node: &str| Finding::yes(DEGRADED, Reason::CallNode, format!("{node}: refused"));
        assert_eq!(change(&[], None), Change::None);
        let first = change(&[], Some((Reason::CallNode, "w1: refused")));
        assert_eq!(first, Change::Says(refused("w1")));
        let told = conditions(&[], &[refused("w1")], Some(1), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(
            change(&told, Some((Reason::CallNode, "w2: refused"))),
            Change::None
        );
        let other = Finding::yes(DEGRADED, Reason::WriteStatus, "x");
        assert_eq!(
            change(&told, Some((Reason::WriteStatus, "x"))),
            Change::Says(other)
        );
        assert_eq!(change(&told, None), Change::Over);
    }
}
