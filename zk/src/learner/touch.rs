//! The sessions that a link keeps alive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Sessions that the answer to each ping names, with their timeouts in milliseconds. Clones share one list.
///
/// The link's own task answers pings, whatever its user does. A session that shall prove that its user is at work is
/// a [`Lease`]: it ends like any client's session when its user gives no sign of life.
#[derive(Debug, Clone, Default)]
pub struct TouchList(Arc<Mutex<Touched>>);

#[derive(Debug, Default)]
struct Touched {
    kept: BTreeMap<i64, i32>,
    lease: Option<Lease>,
}

/// A session that is kept alive until a given moment, unless it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session: i64,
    /// Its timeout in milliseconds, counted from each ping before that moment.
    pub timeout: i32,
    /// No ping after this keeps it alive.
    pub until: Instant,
}

impl TouchList {
    /// Keeps exactly these sessions alive, in addition to the lease.
    pub fn keep(&self, sessions: impl IntoIterator<Item = (i64, i32)>) {
        self.lock().kept = sessions.into_iter().collect();
    }

    /// Renews the lease, replaces it, or drops it.
    pub fn hold(&self, lease: Option<Lease>) {
        self.lock().lease = lease;
    }

    /// The sessions that a ping at this moment keeps alive.
    pub(super) fn at(&self, now: Instant) -> Vec<(i64, i32)> {
        let touched = self.lock();
        let lease = touched.lease.filter(|lease| now <= lease.until);
        let kept = touched.kept.iter().map(|(session, timeout)| (*session, *timeout));
        kept.chain(lease.map(|lease| (lease.session, lease.timeout)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Touched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lease_ends_without_a_sign_of_life_and_other_sessions_do_not() {
        let list = TouchList::default();
        let now = Instant::now();
        let lease = Lease {
            session: 7,
            timeout: 6_000,
            until: now + Duration::from_secs(6),
        };
        list.keep([(1, 10_000), (2, 20_000)]);
        list.hold(Some(lease));
        let guests = vec![(1, 10_000), (2, 20_000)];
        let all = [guests.clone(), vec![(7, 6_000)]].concat();
        assert_eq!(list.at(lease.until), all);
        let later = lease.until + Duration::from_millis(1);
        assert_eq!(list.at(later), guests);
        list.hold(Some(Lease {
            until: later,
            ..lease
        }));
        assert_eq!(list.at(later), all);
        list.hold(None);
        list.keep([]);
        assert_eq!(list.at(now), []);
    }
}
