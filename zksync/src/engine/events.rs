//! Events of the two links, and what the engine does about each.

use mesolith_zk::learner::Check;
use mesolith_zk::record::{Op, Zxid};
use mesolith_zk::tree::DigestCheck;

use super::Error;
use super::claim::Stage;
use super::driver::{Driver, Role};
use super::end::both;
use crate::plan::Kinds;
use crate::settings::Side;
use crate::side::SideEvent;
use crate::status::Waiting;

impl Driver {
    pub(super) fn event(
        &mut self,
        side: Side,
        event: Result<SideEvent, crate::side::Error>,
    ) -> Result<(), Error> {
        let event = match event {
            Ok(event) => event,
            // The link recovers by itself once the cause is gone.
            Err(error @ crate::side::Error::Client(_)) => SideEvent::LostLeader {
                cause: error.to_string(),
            },
            Err(source) => return Err(Error::Link { side, source }),
        };
        let arrived = self.at(self.end(side).link.arrived());
        match event {
            SideEvent::Committed { txn, check } => {
                self.checked(side, check, arrived);
                let end = match side {
                    Side::A => &mut self.a,
                    Side::B => &mut self.b,
                };
                let requests = end.claim.answered(&txn, end.link.tree());
                let ours = txn.header.session == end.claim.session;
                if ours && matches!(txn.op, Op::CloseSession { .. }) {
                    self.disowned(side);
                }
                requests.into_iter().for_each(|request| self.send(side, request));
                if self.role != Role::Connecting {
                    self.share_written(side, &txn);
                    self.settings_changed(side, &txn);
                    let both = both(&self.a, &self.b);
                    let news = self.duplex.committed(side, txn, both, arrived);
                    self.news(news, arrived);
                }
            }
            SideEvent::Dirty { paths } => {
                for path in paths {
                    if side == Side::B && self.role != Role::Connecting {
                        self.stored(&path);
                    }
                    let news = self.duplex.dirty(side, &path, both(&self.a, &self.b), arrived);
                    self.news(news, arrived);
                }
            }
            SideEvent::Snapshot { .. } => {
                if self.role != Role::Connecting {
                    tracing::info!(%side, "the leader sent all of its data again; both sides are compared");
                    if self.role == Role::Active && self.duplex.away_from(Side::A).is_complete() {
                        self.rounds.gap(self.base_as_seen());
                    }
                    self.see_from_now(side);
                    let at = self.end(side).link.tree().last_zxid();
                    let pipe = self.duplex.away_from_mut(side);
                    pipe.missed(pipe.passed(), at);
                    self.end_mut(side).gap = true;
                    self.look_again();
                }
            }
            SideEvent::UpToDate => self.linked(side),
            SideEvent::Synced => {
                let at = self.end(side).link.tree().last_zxid();
                self.waiters.synced(side, at, arrived.max(self.now()));
            }
            SideEvent::Revalidated { session, lives } => {
                if !lives && session != 0 && session == self.end(side).claim.session {
                    self.disowned(side);
                }
            }
            SideEvent::Truncated { to } => self.went_back(side, to),
            SideEvent::LostLeader { cause } => {
                tracing::warn!(%side, cause, "no link");
                let end = self.end_mut(side);
                (end.up, end.cause) = (false, Some(cause));
                if end.claim.stage != Stage::Held {
                    end.claim.lost();
                }
                self.waiters.forget(side);
                self.duplex.down(side);
            }
        }
        Ok(())
    }

    /// Takes in the comparison of our tree with the leader's digest.
    fn checked(&mut self, side: Side, check: Check, now: u64) {
        let end = self.end_mut(side);
        match check {
            Check::Compared(DigestCheck::Equal) => (end.digest, end.digest_at) = (Some(true), now),
            Check::Compared(DigestCheck::Different { expected, found }) => {
                tracing::error!(%side, expected, found, "our tree is not the leader's; it is taken anew");
                (end.digest, end.differed_at) = (Some(false), Some(now));
                if let Err(error) = end.link.restart() {
                    tracing::error!(%side, %error, "cannot take the tree anew");
                }
                end.up = false;
                self.errors += 1;
                self.duplex.down(side);
            }
            Check::Compared(DigestCheck::Absent) | Check::Settling => {}
        }
    }

    /// A link is up to date.
    fn linked(&mut self, side: Side) {
        let end = self.end_mut(side);
        (end.up, end.cause) = (true, None);
        end.touched = u64::MAX;
        end.largest.look_again();
        self.learn_largest();
        if self.role == Role::Connecting {
            return;
        }
        if std::mem::take(&mut self.end_mut(side).gap) {
            self.learn_sessions();
            if self.role == Role::Active {
                self.duplex.begin_sessions(both(&self.a, &self.b));
            }
        }
        self.learn_kinds();
        self.speak_for_guests(side);
        let (own, lease) = (self.end(side).claim.session, self.end(side).claim.timeout);
        if own != 0 {
            if !self.end(side).link.tree().sessions().contains_key(&own) {
                return self.disowned(side);
            }
            // A leader takes the link that opened a session for its owner, until another link claims the session.
            let _ = self.end(side).link.requests().revalidate(own, lease);
        }
        // The leader may be a server of 3.5 that forgot creates in a node's counter when it was started again.
        self.rounds.soon();
        let news = self.duplex.up(side, both(&self.a, &self.b));
        let now = self.now();
        self.news(news, now);
    }

    /// Learns what both sides can hold, once both links have been up.
    pub(super) fn learn_kinds(&mut self) {
        let (a, b) = (&self.a.link, &self.b.link);
        let kinds = a.kinds().and(b.kinds());
        if !self.duplex.set_versions(kinds, !(a.is_exact() && b.is_exact())) {
            return;
        }
        self.look_again();
        if kinds != Kinds::ALL {
            tracing::info!(
                "a side is older than 3.5: containers and nodes with a time to live are made persistent there, and \
                 addresses with a mask are left out of access control lists"
            );
        }
    }

    fn went_back(&mut self, side: Side, to: Zxid) {
        let at = self.end(side).link.tree().last_zxid();
        let message = format!(
            "The data of side {side} went back: the engine has seen {at}, and the leader has nothing after {to}. Was it \
             restored from a backup, or is it another ensemble? Nothing is written any more. If the data is right as it is \
             now, stop this engine and start it again."
        );
        tracing::error!(message);
        self.failed = Some(Waiting {
            reason: "SideWentBack".to_owned(),
            message,
        });
        for side in [Side::A, Side::B] {
            self.duplex.down(side);
        }
    }
}
