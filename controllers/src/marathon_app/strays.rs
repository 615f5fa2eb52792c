//! What becomes of tasks whose app nobody has asked for since this operator started. Pure.
//!
//! ```text
//! seen ─► the API server is asked for the app ─► there: it will ask for its tasks, or they are not ours to stop
//!             │ no answer: asked again             (its spec is invalid, or it runs on another cluster)
//!             └ not there ─► still not there half a minute later ─► its tasks are stopped
//! ```
//!
//! An app is deleted only after its tasks. Tasks on an agent that is out of reach are given up, and come back with the
//! agent. The operator that gave them up kills them then; a later operator knows them from the master only.

use crate::scheduler::AppKey;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long an app must be missing before its tasks are stopped: one odd answer must not stop a task.
const GONE_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Pause before the next question about an app that exists.
const THERE_AGAIN: SignedDuration = SignedDuration::from_secs(600);
/// Most questions at a time: an operator that just started may see thousands of tasks before it knows their apps.
const MOST_ASKED: usize = 16;

/// What the API server says about an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The object exists.
    There,
    /// It says that there is no such object.
    Gone,
    /// It says nothing of use.
    Silent,
}

/// What was learned about the owners of strays of one cluster.
#[derive(Debug, Default)]
pub(super) struct Suspicions {
    owners: BTreeMap<String, Suspicion>,
}

#[derive(Debug, Clone, Copy)]
struct Suspicion {
    ask_at: Timestamp,
    gone_since: Option<Timestamp>,
}

impl Suspicions {
    /// The owners to ask about now; those that are no longer strays are forgotten.
    pub(super) fn due<'a>(
        &mut self,
        strays: impl Iterator<Item = &'a String>,
        now: Timestamp,
    ) -> Vec<(String, AppKey)> {
        let fresh = Suspicion {
            ask_at: now,
            gone_since: None,
        };
        let before = std::mem::take(&mut self.owners);
        let known = |owner: &String| (owner.clone(), before.get(owner).copied().unwrap_or(fresh));
        self.owners = strays.map(known).collect();
        let due = self
            .owners
            .iter()
            .filter(|(_, suspicion)| suspicion.ask_at <= now);
        due.filter_map(|(owner, _)| Some((owner.clone(), key_of(owner)?)))
            .take(MOST_ASKED)
            .collect()
    }

    /// Takes an answer in; returns whether the owner's tasks are to be stopped.
    pub(super) fn hear(&mut self, owner: &str, answer: Answer, now: Timestamp) -> bool {
        let Some(suspicion) = self.owners.get_mut(owner) else {
            return false;
        };
        match answer {
            Answer::There => {
                suspicion.gone_since = None;
                suspicion.ask_at = now.saturating_add(THERE_AGAIN).unwrap_or(Timestamp::MAX);
                false
            }
            // Nothing was learned, so nothing is stopped. The time without the app goes on.
            Answer::Silent => false,
            Answer::Gone => {
                let since = *suspicion.gone_since.get_or_insert(now);
                now.duration_since(since) >= GONE_FOR
            }
        }
    }
}

/// `namespace/name`, as the label of a task has it.
fn key_of(owner: &str) -> Option<AppKey> {
    let (namespace, name) = owner.split_once('/')?;
    let good = |part: &str| !part.is_empty() && !part.contains('/');
    (good(namespace) && good(name)).then(|| AppKey {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::Answer::{Gone, Silent, There};
    use super::*;
    use rstest::rstest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Looks every ten seconds; when, if ever, its tasks are stopped.
    #[rstest]
    #[case::gone(&[Gone; 6], Some(30))]
    #[case::one_odd_answer(&[Gone, There, There, Gone], None)]
    #[case::back_again(&[Gone, Gone, Gone, There, Gone, Gone], None)]
    #[case::the_api_server_is_away(&[Silent; 20], None)]
    #[case::away_in_between(&[Gone, Silent, Silent, Silent, Gone], Some(40))]
    #[case::there(&[There; 20], None)]
    fn when_tasks_are_stopped(#[case] answers: &[Answer], #[case] stopped: Option<i64>) {
        let strays = ["ns/a".to_owned()];
        let mut suspicions = Suspicions::default();
        let mut found = None;
        for (answer, second) in answers.iter().zip((0..).step_by(10)) {
            for (owner, _) in suspicions.due(strays.iter(), at(second)) {
                if suspicions.hear(&owner, *answer, at(second)) {
                    found = found.or(Some(second));
                }
            }
        }
        assert_eq!(found, stopped);
    }

    #[test]
    fn an_owner_that_is_no_longer_a_stray_begins_anew() {
        let strays = ["ns/a".to_owned()];
        let mut suspicions = Suspicions::default();
        suspicions.due(strays.iter(), at(0));
        suspicions.hear("ns/a", Gone, at(0));
        assert!(suspicions.due([].iter(), at(60)).is_empty());
        suspicions.due(strays.iter(), at(70));
        assert!(!suspicions.hear("ns/a", Gone, at(70)));
    }

    #[test]
    fn labels_that_name_no_app_are_never_asked_about_and_many_not_at_once() {
        let mut suspicions = Suspicions::default();
        let odd = ["", "a", "/a", "ns/", "ns/a/b"].map(str::to_owned);
        assert!(suspicions.due(odd.iter(), at(0)).is_empty());
        let many: Vec<String> = (0..100).map(|n| format!("ns/a{n}")).collect();
        assert_eq!(suspicions.due(many.iter(), at(0)).len(), MOST_ASKED);
    }
}
