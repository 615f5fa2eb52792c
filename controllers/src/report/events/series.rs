//! Which event is written anew, and which one is counted on. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use mesolith_crds::Reason;
use std::collections::HashMap;

/// An event that did not repeat for so long is over; the next one is an event of its own.
const ENDS_AFTER: SignedDuration = SignedDuration::from_mins(6);

/// What two events must have in common to be one. The message is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) about: String,
    pub(super) related: Option<String>,
    pub(super) reason: Reason,
    pub(super) action: String,
}

impl Key {
    /// Tells objects apart, also one from its successor of the same name.
    pub(super) fn object(object: &ObjectReference) -> String {
        let parts = [&object.kind, &object.namespace, &object.name, &object.uid];
        parts.map(|part| part.as_deref().unwrap_or_default()).join("/")
    }
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A new event.
    Create,
    /// The known event: its message and its count.
    Repeat { name: String, count: i32 },
}

struct Known {
    name: String,
    count: i32,
    last: Timestamp,
}

/// The events of the last minutes.
#[derive(Default)]
pub(super) struct Series(HashMap<Key, Known>);

impl Series {
    /// Notes that an event happened; `name` is for a new one.
    pub(super) fn next(&mut self, key: &Key, name: &str, now: Timestamp) -> Step {
        self.0.retain(|_, known| known.last + ENDS_AFTER > now);
        let Some(known) = self.0.get_mut(key) else {
            self.begin(key.clone(), name.to_owned(), now);
            return Step::Create;
        };
        known.count = known.count.saturating_add(1);
        known.last = now;
        Step::Repeat {
            name: known.name.clone(),
            count: known.count,
        }
    }

    /// Counts from one, under this name.
    pub(super) fn begin(&mut self, key: Key, name: String, last: Timestamp) {
        self.0.insert(key, Known { name, count: 1, last });
    }

    /// The event could not be written: the next one is a new one.
    pub(super) fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(reason: Reason) -> Key {
        Key {
            about: Key::object(&ObjectReference {
                name: Some("app".into()),
                ..ObjectReference::default()
            }),
            related: None,
            reason,
            action: "Ready".into(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_event_is_counted_on_until_it_is_quiet_for_six_minutes() {
        let mut series = Series::default();
        let repeat = |count| Step::Repeat {
            name: "a".into(),
            count,
        };
        assert_eq!(
            series.next(&key(Reason::WaitingForQuorum), "a", at(0)),
            Step::Create
        );
        assert_eq!(series.next(&key(Reason::CrashLoop), "b", at(1)), Step::Create);
        assert_eq!(
            series.next(&key(Reason::WaitingForQuorum), "c", at(300)),
            repeat(2)
        );
        assert_eq!(
            series.next(&key(Reason::WaitingForQuorum), "d", at(600)),
            repeat(3)
        );
        assert_eq!(
            series.next(&key(Reason::WaitingForQuorum), "e", at(1000)),
            Step::Create
        );
    }

    #[test]
    fn an_event_that_was_not_written_is_not_counted() {
        let mut series = Series::default();
        series.next(&key(Reason::WaitingForQuorum), "a", at(0));
        series.forget(&key(Reason::WaitingForQuorum));
        assert_eq!(
            series.next(&key(Reason::WaitingForQuorum), "b", at(1)),
            Step::Create
        );
    }
}
