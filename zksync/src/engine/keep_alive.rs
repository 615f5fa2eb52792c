//! Sessions that the engine keeps alive where their clients are not, and clients that have moved.

use std::collections::BTreeMap;
use std::time::Instant;

use mesolith_zk::learner::Lease;

use super::claim::Stage;
use super::driver::{Driver, Role};
use crate::duplex::is_engine;
use crate::settings::Side;

impl Driver {
    /// A leader takes the link that opened a session for its owner, until another one says that it speaks for it. Copies of
    /// sessions that have ended at home meanwhile are included: they are still to be closed here.
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

    /// Sessions to keep alive on a side, with the time they get.
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

    /// Sessions that the next pings keep alive. The lease holds while this is called: an engine that hangs loses it, as one
    /// that was killed does.
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

    /// Clients that are connected to a side which is not their session's home have moved.
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
