//! How long a leader may go on without hearing from ZooKeeper.
//!
//! A session ends on the servers, and its client may be the last to know: its process was stopped, its machine slept, or
//! its requests stay unanswered. So a leader acts on a lease that ends before the session can, by two clocks: the
//! monotonic one stands still while a machine sleeps, and the wall clock may be set back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Shared between the contender, which renews it, and whoever acts.
#[derive(Debug, Clone, Default)]
pub struct Lease {
    term: Arc<Mutex<Option<Term>>>,
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    from: Moment,
    lasts: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Time that may have passed since an earlier moment. A wall clock that was set back tells nothing.
    fn since(&self, earlier: &Self) -> Duration {
        let monotonic = self.monotonic.saturating_duration_since(earlier.monotonic);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        monotonic.max(wall)
    }
}

impl Lease {
    /// Whether the session cannot have ended yet. Cheap: asked before everything that a leader does.
    pub fn holds(&self) -> bool {
        self.holds_at(Moment::now())
    }

    fn holds_at(&self, now: Moment) -> bool {
        let term = self.term.lock().unwrap_or_else(PoisonError::into_inner);
        term.is_some_and(|term| now.since(&term.from) < term.lasts)
    }

    /// The ensemble's leader has answered a request that was made at `asked`, in a session with that timeout.
    pub(crate) fn renew(&self, asked: Moment, session_timeout: Duration) {
        let term = Term {
            from: asked,
            lasts: lasts(session_timeout),
        };
        *self.term.lock().unwrap_or_else(PoisonError::into_inner) = Some(term);
    }

    pub(crate) fn end(&self) {
        *self.term.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Pause between two renewals.
pub(crate) fn renewal(session_timeout: Duration) -> Duration {
    session_timeout / 8
}

/// A server tells the ensemble's leader of its sessions' requests every half tick, and a session lasts two ticks at least.
/// So the leader may count from one renewal and a quarter of the timeout earlier.
fn lasts(session_timeout: Duration) -> Duration {
    session_timeout - session_timeout / 4 - renewal(session_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(8);

    #[test]
    fn it_ends_before_the_session_by_either_clock() {
        let lease = Lease::default();
        assert!(!lease.holds());
        let asked = Moment::now();
        lease.renew(asked, TIMEOUT);
        let after = |monotonic, wall: i64| {
            let shift = Duration::from_secs(wall.unsigned_abs());
            lease.holds_at(Moment {
                monotonic: asked.monotonic + Duration::from_secs(monotonic),
                wall: if wall < 0 {
                    asked.wall - shift
                } else {
                    asked.wall + shift
                },
            })
        };
        assert!(after(0, 0) && after(4, 4));
        assert!(!after(5, 5));
        assert!(!after(1, 5), "the machine slept");
        assert!(!after(5, -60), "the clock was set back");
        assert!(after(4, -60));
        lease.end();
        assert!(!after(0, 0));
    }

    #[test]
    fn it_is_renewed_before_it_ends() {
        assert!(renewal(TIMEOUT) * 3 < lasts(TIMEOUT));
        assert!(lasts(TIMEOUT) < TIMEOUT);
    }
}
