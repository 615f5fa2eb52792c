//! Keeps sessions alive where their clients are not, and notices clients that have moved.

use std::collections::BTreeMap;
use std::time::Instant;

use mesolith_zk::learner::Lease;

use super::claim::Stage;
use super::driver::{Driver, Role};
use crate::duplex::is_engine;
use crate::settings::Side;

impl Driver {
    /// Tells the leader that this link speaks for the mirrored sessions: for a leader, a session belongs to the link
    /// that opened it. Copies of sessions that have ended on their own side are included, since they still have to be
    /// closed here.
    pub(super) fn speak_for_guests(&self, side: Side) {
        if self.role != Role::Active {
            return;
        }
        let requests = self.end(side).link.requests();
        for (session, timeout) in self.end(side).link.tree().sessions() {
            if !is_engine(*session) && self.duplex.sessions().home(*session) != Some(side) {
                let _ = requests.revalidate(*session, *timeout);
            }
        }
    }

    /// Sessions to keep alive on a side, with their timeouts.
    pub(super) fn guests(&self, side: Side) -> BTreeMap<i64, i32> {
        let grace = i32::try_from(self.options.session_grace.as_millis()).unwrap_or(i32::MAX);
        let mut guests = self
            .duplex
            .sessions()
            .guests(side, self.end(side.other()).link.tree());
        guests
            .values_mut()
            .for_each(|timeout| *timeout = grace.max(*timeout));
        guests
    }

    /// Marks the sessions that the next pings keep alive. An engine that hangs does not get here, so it loses its
    /// lease like one that was killed.
    pub(super) fn touch(&mut self) {
        if self.role == Role::Connecting {
            return;
        }
        let changes = self.duplex.sessions().changes();
        let until = Instant::now() + self.options.lease_timeout;
        for side in [Side::A, Side::B] {
            let claim = &self.end(side).claim;
            let lease = (claim.stage != Stage::Idle).then_some(Lease {
                session: claim.session,
                timeout: claim.timeout,
                until,
            });
            let due = self.end(side).touched != changes || claim.stage != Stage::Held;
            let list = self.end(side).link.touch_list();
            list.hold(lease);
            if due {
                self.end_mut(side).touched = changes;
                match self.role {
                    Role::Active => list.keep(self.guests(side)),
                    _ => list.keep([]),
                }
            }
        }
    }

    /// A client that is connected to a side other than its session's home has moved.
    pub(super) fn moves(&mut self) {
        for side in [Side::A, Side::B] {
            if !self.end_mut(side).servers.has_changed().unwrap_or(false) {
                continue;
            }
            let servers = self.end_mut(side).servers.borrow_and_update().clone();
            self.duplex
                .away_from_mut(side.other())
                .set_connected(servers.connected.clone());
            for session in servers
                .connected
                .into_iter()
                .flatten()
                .filter(|id| !is_engine(*id))
            {
                self.duplex.sessions_mut().moved(session, side);
            }
        }
    }
}
