//! When a component that died may be started again. Pure: the clock is an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The pause after the first death. It doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// Long enough to spare the machine, short enough that a repaired cause is picked up soon.
const LONGEST: Duration = Duration::from_secs(60);
/// A component that ran this long had started properly: its next death is a first one.
const PROVEN: Duration = Duration::from_secs(120);

/// Deaths of one component. Persisted, so that a restart of the agent neither forgets nor speeds up anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackOff {
    /// Deaths in a row.
    pub(crate) deaths: u32,
    /// All deaths of the component.
    pub(crate) restarts: u32,
    /// Unix seconds of the next allowed start.
    pub(crate) not_before: i64,
}

impl BackOff {
    /// Notes a death after having run for some time.
    #[must_use]
    pub(crate) fn died(self, now: i64, ran: Duration) -> Self {
        let deaths = if ran >= PROVEN {
            1
        } else {
            self.deaths.saturating_add(1)
        };
        let delay = delay(deaths);
        Self {
            deaths,
            restarts: self.restarts.saturating_add(1),
            not_before: now + delay.as_secs().cast_signed(),
        }
    }

    /// What is wrong may be repaired by a new configuration: try at once.
    #[must_use]
    pub(crate) fn reconfigured(self) -> Self {
        Self {
            deaths: 0,
            not_before: 0,
            ..self
        }
    }

    /// The time that is left to wait.
    pub(crate) fn left(&self, now: i64) -> Duration {
        Duration::from_secs(u64::try_from(self.not_before - now).unwrap_or(0)).min(LONGEST)
    }
}

fn delay(deaths: u32) -> Duration {
    let doublings = deaths.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_minute() {
        let mut state = BackOff::default();
        let mut delays = Vec::new();
        for _ in 0..8 {
            state = state.died(1000, Duration::from_secs(1));
            delays.push(state.left(1000).as_secs());
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(state.restarts, 8);
        assert_eq!(state.left(1030).as_secs(), 30);
        assert_eq!(state.left(2000).as_secs(), 0);
        // A clock set back by years must not stop a component for years.
        assert_eq!(state.left(0).as_secs(), 60);
    }

    #[test]
    fn a_long_run_or_a_new_configuration_starts_over() {
        let bad = (0..5).fold(BackOff::default(), |s, _| s.died(0, Duration::ZERO));
        assert_eq!(bad.died(0, PROVEN).left(0), FIRST);
        assert_eq!(bad.reconfigured().left(0), Duration::ZERO);
        assert_eq!(bad.reconfigured().restarts, 5);
    }

    #[test]
    fn any_number_of_deaths_is_fine() {
        assert_eq!(delay(u32::MAX), LONGEST);
    }
}
