//! Launch delay of an app that keeps failing.
//!
//! The delay belongs to one version of one app: a config change starts afresh, scaling does not.

use jiff::{SignedDuration, Timestamp};

/// How the delay of an app grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// After the first failure.
    pub initial: SignedDuration,
    /// Growth with each further failure.
    pub factor: f64,
    /// Never longer than this.
    pub maximum: SignedDuration,
}

/// The present launch delay; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    current: Option<Current>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    delay: SignedDuration,
    /// The last failure, or the last sign of life of a task of the app.
    reference: Timestamp,
    until: Timestamp,
    failures: u32,
}

impl Backoff {
    /// A task failed: the next launch waits longer.
    pub fn failed(&mut self, policy: &Policy, now: Timestamp) {
        let (delay, failures) = match self.current {
            None => (policy.initial.min(policy.maximum), 1),
            Some(c) => {
                let grown = SignedDuration::try_from_secs_f64(c.delay.as_secs_f64() * policy.factor)
                    .unwrap_or(policy.maximum);
                (grown.min(policy.maximum), c.failures.saturating_add(1))
            }
        };
        let until = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        self.current = Some(Current {
            delay,
            reference: now,
            until,
            failures,
        });
    }

    /// A task has shown a sign of life. The time until the delay is forgotten starts again.
    pub fn alive(&mut self, now: Timestamp) {
        if let Some(current) = &mut self.current {
            current.reference = current.reference.max(now);
        }
    }

    /// Forgets the delay when the last failure or sign of life is longer ago than the policy's maximum.
    pub fn decay(&mut self, policy: &Policy, now: Timestamp) {
        if self
            .current
            .is_some_and(|c| now.duration_since(c.reference) > policy.maximum && now >= c.until)
        {
            self.current = None;
        }
    }

    /// When the next launch may happen, if not now.
    #[must_use]
    pub fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.current.map(|c| c.until).filter(|until| *until > now)
    }

    /// Number of failures since the delay was last forgotten.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.current.map_or(0, |c| c.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        initial: SignedDuration::from_secs(1),
        factor: 2.0,
        maximum: SignedDuration::from_secs(5),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn grows_from_the_initial_delay_to_the_maximum() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for second in [0, 100, 200, 300, 400] {
            backoff.failed(&POLICY, at(second));
            waits.push(backoff.not_before(at(second)).unwrap().as_second() - second);
        }
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        assert_eq!(backoff.failures(), 5);
    }

    #[test]
    fn a_zero_delay_never_waits() {
        let mut backoff = Backoff::default();
        backoff.failed(
            &Policy {
                initial: SignedDuration::ZERO,
                ..POLICY
            },
            at(0),
        );
        assert_eq!(backoff.not_before(at(0)), None);
    }

    #[test]
    fn forgotten_when_nothing_failed_for_the_longest_delay() {
        let mut backoff = Backoff::default();
        backoff.failed(&POLICY, at(0));
        backoff.alive(at(3));
        backoff.decay(&POLICY, at(8));
        assert_eq!(backoff.failures(), 1);
        backoff.decay(&POLICY, at(9));
        assert_eq!(backoff, Backoff::default());
    }
}
