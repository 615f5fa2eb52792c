//! Failures that last are reported on the object, not only in logs. Pure.

use super::conditions::{Finding, conditions};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use mesolith_crds::condition::DEGRADED;

/// One or two failures in a row may be a lost connection. So many, with the pauses between them, are reported.
pub(crate) const TELL_AFTER: u32 = 5;

/// The new conditions; `None` when they stay. The same reason with another message is no change: an address or a time
/// in the message must not cause a write for every try.
pub(super) fn after(
    before: &[Condition],
    failure: Option<(&str, &str)>,
    generation: Option<i64>,
    now: jiff::Timestamp,
) -> Option<Vec<Condition>> {
    let old = before.iter().find(|condition| condition.type_ == DEGRADED);
    match (old, failure) {
        (None, None) => None,
        (Some(_), None) => Some(
            before
                .iter()
                .filter(|condition| condition.type_ != DEGRADED)
                .cloned()
                .collect(),
        ),
        (Some(old), Some((reason, _))) if old.reason == reason && old.status == "True" => None,
        (_, Some((reason, message))) => {
            let finding = Finding::yes(DEGRADED, reason, message);
            Some(conditions(before, &[finding], generation, now))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_told_once_and_taken_back_once() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(after(&[], None, Some(1), now), None);
        let told = after(&[], Some(("CallNode", "w1: refused")), Some(1), now).unwrap();
        assert_eq!(
            (told[0].type_.as_str(), told[0].status.as_str()),
            ("Degraded", "True")
        );
        assert_eq!(
            after(&told, Some(("CallNode", "w2: refused")), Some(1), now),
            None
        );
        let other = after(&told, Some(("WriteStatus", "x")), Some(1), now).unwrap();
        assert_eq!(other[0].reason, "WriteStatus");
        assert_eq!(after(&told, None, Some(1), now), Some(Vec::new()));
    }
}
