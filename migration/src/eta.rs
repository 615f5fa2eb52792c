//! When counted work will be done, from how fast it went in the last minutes. Nothing is estimated that is not counted.

use crate::view::Progress;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;

/// How far back the speed is measured.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// A speed measured over less than this says nothing.
const LEAST: SignedDuration = SignedDuration::from_secs(5);

/// Remembers how far the work was.
#[derive(Debug, Default)]
pub struct Estimator {
    what: String,
    seen: VecDeque<(Timestamp, u64)>,
}

impl Estimator {
    /// Takes note of the work at `now`. Seconds until it is done, once its speed is known; none while it stands still.
    pub fn note(&mut self, now: Timestamp, progress: Option<&Progress>) -> Option<u64> {
        let Some(progress) = progress else {
            self.seen.clear();
            return None;
        };
        // Other work, or work that was lost: what was measured before says nothing about it.
        if self.what != progress.what || self.seen.back().is_some_and(|(_, done)| *done > progress.done) {
            self.what.clone_from(&progress.what);
            self.seen.clear();
        }
        self.seen.push_back((now, progress.done));
        while self.seen.len() > 2
            && self
                .seen
                .get(1)
                .is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
        {
            self.seen.pop_front();
        }
        let (start, before) = *self.seen.front()?;
        let elapsed = now.duration_since(start);
        let made = progress.done.saturating_sub(before);
        if made == 0 || elapsed < LEAST {
            return None;
        }
        let left = progress.total.saturating_sub(progress.done);
        let seconds = elapsed.as_secs_f64() * as_f64(left) / as_f64(made);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds, never negative"
        )]
        Some(seconds.ceil() as u64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn work(what: &str, done: u64) -> Progress {
        Progress {
            what: what.into(),
            done,
            total: 1000,
            eta_seconds: None,
        }
    }

    #[test]
    fn only_work_whose_speed_was_seen_has_an_end() {
        let mut eta = Estimator::default();
        assert_eq!(eta.note(at(0), Some(&work("znodes", 100))), None, "no speed yet");
        assert_eq!(eta.note(at(2), Some(&work("znodes", 200))), None, "too short");
        assert_eq!(eta.note(at(10), Some(&work("znodes", 200))), Some(80));
        assert_eq!(eta.note(at(11), Some(&work("tasks", 500))), None, "other work");
        assert_eq!(
            eta.note(at(60), Some(&work("tasks", 500))),
            None,
            "it stands still"
        );
        assert_eq!(eta.note(at(61), Some(&work("tasks", 400))), None, "work was lost");
        assert_eq!(eta.note(at(62), None), None, "nothing is counted");
        assert_eq!(
            eta.note(at(90), Some(&work("tasks", 450))),
            None,
            "it begins anew"
        );
    }

    #[test]
    fn the_speed_is_that_of_the_last_minutes() {
        let mut eta = Estimator::default();
        // Fast at first, then one a minute.
        eta.note(at(0), Some(&work("tasks", 0)));
        eta.note(at(10), Some(&work("tasks", 900)));
        let mut last = None;
        for minute in 1_u32..=20 {
            last = eta.note(
                at(i64::from(minute) * 60),
                Some(&work("tasks", 900 + u64::from(minute))),
            );
        }
        assert_eq!(last, Some(80 * 60));
    }
}
