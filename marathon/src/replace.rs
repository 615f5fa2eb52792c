//! Arithmetic of a rolling replace.
//!
//! Marathon computes an opening move ([`ignition`]) and then reacts to single events. Here the same limits are
//! applied to whatever the world looks like ([`next`]), so that a restart in the middle needs no memory.

/// How many instances, and how far they may be exceeded or undershot meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Instances wanted.
    pub instances: usize,
    /// Part that stays healthy.
    pub minimum_health: f64,
    /// Part that may run in addition.
    pub over_capacity: f64,
}

/// What runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Old version, not told to stop, healthy.
    pub old_healthy: usize,
    /// Old version, not told to stop, not (yet) healthy.
    pub old_unhealthy: usize,
    /// New version, healthy.
    pub new_healthy: usize,
    /// New version, not (yet) healthy.
    pub new_unhealthy: usize,
    /// Told to stop and not gone; they still use capacity.
    pub stopping: usize,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// Old instances to stop, unhealthy ones first.
    pub kill: usize,
    /// New instances to start.
    pub start: usize,
}

/// Least number of healthy instances.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of instances"
)]
pub fn least_healthy(limits: &Limits) -> usize {
    // The small deduction keeps 10 x 0.7 = 7.000000000000001 from becoming 8.
    (limits.instances as f64 * limits.minimum_health - 1e-9)
        .ceil()
        .max(0.0) as usize
}

/// Most instances at any time. One more than asked where otherwise nothing could move.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of instances"
)]
pub fn most(limits: &Limits, healthy: usize) -> usize {
    let capacity = (limits.instances as f64 * (1.0 + limits.over_capacity) + 1e-9).floor() as usize;
    if least_healthy(limits) == capacity && capacity <= healthy {
        capacity + 1
    } else {
        capacity
    }
}

/// Marathon's opening move for `running` old instances, `healthy` of them healthy: how many to stop at once, and
/// how many may run in all.
#[must_use]
pub fn ignition(limits: &Limits, running: usize, healthy: usize) -> (usize, usize) {
    let spare = healthy.saturating_sub(least_healthy(limits));
    (
        spare.max(running.saturating_sub(limits.instances)),
        most(limits, healthy),
    )
}

/// The next step towards only new instances.
#[must_use]
pub fn next(limits: &Limits, now: &Counts) -> Step {
    let old = now.old_healthy + now.old_unhealthy;
    let new = now.new_healthy + now.new_unhealthy;
    let healthy = now.old_healthy + now.new_healthy;
    let total = old + new + now.stopping;
    let most = most(limits, healthy);
    let spare = healthy.saturating_sub(least_healthy(limits));
    let shrink = old.saturating_sub(limits.instances);
    let mut kill = spare.max(shrink).min(old);
    // Unhealthy old instances go first, and stopping one costs no healthy instance. So when the app is full and no
    // healthy instance can be spared, an unhealthy old one makes room.
    let room = most.saturating_sub(total);
    if now.new_healthy >= limits.instances {
        kill = old;
    }
    if kill == 0 && room == 0 && now.stopping == 0 && new < limits.instances && now.old_unhealthy > 0 {
        kill = 1;
    }
    Step {
        kill,
        start: limits.instances.saturating_sub(new).min(room),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn limits(instances: usize, minimum_health: f64, over_capacity: f64) -> Limits {
        Limits {
            instances,
            minimum_health,
            over_capacity,
        }
    }

    #[rstest]
    #[case(1, 0.5, 0.0, 1, 0, 2)]
    #[case(1, 0.5, 0.0, 0, 0, 1)]
    #[case(2, 0.5, 0.0, 2, 1, 2)]
    #[case(10, 0.1, 0.0, 1, 0, 10)]
    #[case(10, 0.1, 1.0, 10, 9, 20)]
    #[case(10, 1.0, 1.0, 10, 0, 20)]
    fn marathons_vectors(
        #[case] instances: usize,
        #[case] health: f64,
        #[case] over: f64,
        #[case] healthy: usize,
        #[case] kill: usize,
        #[case] most: usize,
    ) {
        assert_eq!(
            ignition(&limits(instances, health, over), healthy, healthy),
            (kill, most)
        );
    }

    #[test]
    fn shrinking_stops_the_surplus_at_once() {
        assert_eq!(ignition(&limits(2, 1.0, 0.0), 5, 5).0, 3);
    }

    /// Every strategy ends, never undershoots and never exceeds, whatever order things happen in.
    #[test]
    fn any_strategy_ends_within_its_limits() {
        for instances in 1..8 {
            for health in [0.0, 0.3, 0.5, 0.8, 1.0] {
                for over in [0.0, 0.2, 0.5, 1.0] {
                    for unhealthy in 0..=instances {
                        roll(&limits(instances, health, over), unhealthy);
                    }
                }
            }
        }
    }

    fn roll(limits: &Limits, unhealthy: usize) {
        let mut now = Counts {
            old_healthy: limits.instances - unhealthy,
            old_unhealthy: unhealthy,
            ..Counts::default()
        };
        let floor = least_healthy(limits).min(now.old_healthy);
        for round in 0..100 {
            let step = next(limits, &now);
            let healthy_before = now.old_healthy + now.new_healthy;
            let ceiling = most(limits, healthy_before).max(limits.instances);
            let first = step.kill.min(now.old_unhealthy);
            now.old_unhealthy -= first;
            now.old_healthy -= step.kill - first;
            now.stopping += step.kill;
            now.new_unhealthy += step.start;
            assert!(now.old_healthy + now.new_healthy >= floor, "{limits:?} {now:?}");
            let total =
                now.old_healthy + now.old_unhealthy + now.new_healthy + now.new_unhealthy + now.stopping;
            assert!(total <= ceiling, "{limits:?} {now:?}");
            // Stops and starts come through in turn, so that both orders are seen.
            if round % 2 == 0 {
                now.stopping = 0;
            } else {
                now.new_healthy += std::mem::take(&mut now.new_unhealthy);
            }
            if now
                == (Counts {
                    new_healthy: limits.instances,
                    ..Counts::default()
                })
            {
                return;
            }
        }
        panic!("never ends: {limits:?} {now:?}");
    }
}
