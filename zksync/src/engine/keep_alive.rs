//! Sessions that the engine keeps alive where their clients are not, and clients that have moved.

use std::collections::BTreeMap;

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

    /// Sessions that the next pings keep alive.
    pub(super) fn touch(&mut self) {
        let changes = self.duplex.sessions().changes();
        for side in [Side::A, Side::B] {
            let due = self.end(side).touched != changes || self.end(side).claim.stage != Stage::Held;
            if self.role == Role::Connecting || !due {
                continue;
            }
            let mut touched = if self.role == Role::Active {
                self.guests(side)
            } else {
                BTreeMap::new()
            };
            let end = self.end_mut(side);
            if end.claim.stage != Stage::Idle {
                touched.insert(end.claim.session, 0);
            }
            end.touched = changes;
            let lease = i32::try_from(self.options.lease_timeout.as_millis()).unwrap_or(i32::MAX);
            let end = self.end_mut(side);
            if let Some(own) = touched.get_mut(&end.claim.session) {
                *own = lease;
            }
            let list = end.link.touch_list();
            *list.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = touched;
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
