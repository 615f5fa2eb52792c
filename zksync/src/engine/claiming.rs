//! Decides when this engine becomes active, when it may write to A, and when neither holds any more.

use super::claim::Stage;
use super::driver::{Driver, Role, new_session};
use super::end::both;
use crate::settings::{Mode, Side};

/// Pause between two attempts to become active, in microseconds.
const CLAIM_PAUSE: u64 = 200_000;

impl Driver {
    /// The engine's session on a side is over, so another engine may be active by now.
    pub(super) fn disowned(&mut self, side: Side) {
        tracing::warn!(%side, "the engine's own session is over");
        let now = self.now();
        let end = self.end_mut(side);
        end.claim.lost();
        end.claim_again = now;
        self.duplex.down(side);
        if side == Side::B && self.role == Role::Active {
            self.role = Role::Standby;
        }
    }

    /// Becomes active, or begins to write to A, if it can and should.
    pub(super) fn claim(&mut self, now: u64) {
        if self.settings.mode == Mode::Stop {
            self.role = Role::Stopping;
            return;
        }
        if matches!(self.role, Role::Connecting | Role::Stopping) {
            return;
        }
        for side in [Side::B, Side::A] {
            let wanted = side == Side::B || (self.role == Role::Active && self.duplex.needs_a());
            let end = self.end(side);
            let holder = end.claim.holder(end.link.tree());
            let free = side == Side::A || holder.is_none_or(|holder| holder == self.run);
            if wanted && free && end.up && end.claim.stage == Stage::Idle && end.claim_again <= now {
                let session = new_session();
                let end = self.end_mut(side);
                end.claim_again = now + CLAIM_PAUSE;
                let requests = match side {
                    Side::A => self.a.claim.begin(session, self.a.link.tree()),
                    Side::B => self.b.claim.begin(session, self.b.link.tree()),
                };
                requests.into_iter().for_each(|request| self.send(side, request));
                self.end_mut(side).touched = u64::MAX;
            }
        }
        let may = self.duplex.may_activate(Side::B, both(&self.a, &self.b));
        // A leader hangs up on what is too long for it.
        let may = may && !self.is_asking();
        if self.b.claim.stage == Stage::Held && self.role == Role::Standby && may {
            self.become_active(now);
        }
        let a_held = self.a.claim.stage == Stage::Held && self.role == Role::Active;
        let may = self.duplex.may_activate(Side::A, both(&self.a, &self.b));
        let into_a = self.duplex.away_from(Side::B);
        let new = into_a.is_standby() || into_a.identity().session != self.a.claim.session;
        if a_held && may && new {
            self.speak_for_guests(Side::A);
            let news = self
                .duplex
                .activate(Side::A, self.a.claim.session, both(&self.a, &self.b));
            self.news(news, now);
        }
    }

    pub(super) fn become_active(&mut self, now: u64) {
        tracing::info!(run = self.run, "this engine is the active one now");
        self.role = Role::Active;
        self.speak_for_guests(Side::B);
        let trees = both(&self.a, &self.b);
        let news = self.duplex.activate(Side::B, self.b.claim.session, trees);
        self.duplex.begin_sessions(both(&self.a, &self.b));
        self.news(news, now);
        for path in self.layout.frozen_in(self.b.link.tree()) {
            self.duplex.freeze(&path);
        }
        self.store_settings();
        self.store_members();
        let paused = self.settings.mode == Mode::Pause;
        for side in [Side::A, Side::B] {
            self.duplex.away_from_mut(side).pause(paused);
            self.end_mut(side).touched = u64::MAX;
        }
        let base = self.base();
        if let Some(walked) = self.rounds.begin(base) {
            self.phases.repaired(walked.looked, walked.found);
        }
    }
}
