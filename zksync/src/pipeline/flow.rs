//! What answers and links do to the units.

use mesolith_zk::record::{Op, Txn};
use mesolith_zk::request::Request;

use super::{Flow, Notice, Outgoing, Pipeline, Sent, Trees, What, plan};
use crate::checkpoint::Checkpoint;

const NO_NODE: i32 = -101;
const SESSION_MOVED: i32 = -118;

/// What an answer says.
enum Answer {
    Done,
    Refused(i32),
}

impl Pipeline {
    /// A transaction was committed on the target, and is in its tree. May give a request that has to follow at once.
    pub fn target(&mut self, txn: &Txn, trees: Trees<'_>) -> (Vec<Notice>, Option<Outgoing>) {
        let key = (txn.header.session, txn.header.cxid);
        let mut notices = Vec::new();
        if self.void.remove(&key) {
            if self.void.is_empty() {
                self.plan_again(trees, &mut notices);
            }
            return (notices, None);
        }
        if self.lost.remove(&key) {
            return (notices, None);
        }
        if self
            .sent
            .front()
            .is_none_or(|sent| (sent.session, sent.cxid) != key)
        {
            self.foreign(txn, trees, &mut notices);
            return (notices, None);
        }
        let Some(sent) = self.sent.pop_front() else {
            return (notices, None);
        };
        let follow = self.answered(&sent, answer(txn), trees, &mut notices);
        (notices, follow)
    }

    fn answered(
        &mut self,
        sent: &Sent,
        answer: Answer,
        trees: Trees<'_>,
        notices: &mut Vec<Notice>,
    ) -> Option<Outgoing> {
        match (&sent.what, answer) {
            (What::Probe, Answer::Refused(NO_NODE)) => {
                self.mirrored.remove(&sent.session);
                let through = self.advance(1);
                return Some(self.send(sent.session, Request::CloseSession, through, What::Session));
            }
            (What::Probe, Answer::Refused(SESSION_MOVED)) => {
                self.mirrored.remove(&sent.session);
                notices.push(Notice::Moved {
                    session: sent.session,
                });
                let through = self.advance(1);
                self.done(through, notices);
            }
            // It is gone already.
            (What::Probe, _) => {
                self.mirrored.remove(&sent.session);
                let through = self.advance(1);
                self.done(through, notices);
            }
            (What::Claim, Answer::Done) => {
                self.at_large = 0;
                self.flow = Flow::Running;
            }
            // The checkpoints behind it count it as done, so what is missing is found by looking.
            (What::Acl(path), Answer::Refused(_)) => {
                self.counters.refused += 1;
                self.done(sent.through, notices);
                self.repair_once(path, trees);
            }
            // A session that is gone needs no closing.
            (What::Multi | What::Acl(_), Answer::Done) | (What::Session, _) => {
                self.done(sent.through, notices)
            }
            (_, Answer::Refused(_)) => self.refuse(trees, notices),
        }
        None
    }

    fn done(&mut self, through: u64, notices: &mut Vec<Notice>) {
        while let Some(unit) = self.units.pop_front_if(|unit| unit.number <= through) {
            self.next = self.next.saturating_sub(1);
            self.applied = unit.zxid;
            notices.push(Notice::Applied { seen: unit.at });
        }
        self.overlay.done(through);
    }

    /// The target is not what the plan took it for.
    fn refuse(&mut self, trees: Trees<'_>, notices: &mut Vec<Notice>) {
        self.counters.refused += 1;
        self.void
            .extend(self.sent.drain(..).map(|sent| (sent.session, sent.cxid)));
        if self.void.is_empty() {
            self.plan_again(trees, notices);
        } else {
            self.flow = Flow::Draining;
        }
    }

    /// The link to the target is lost: what is in flight may or may not have been committed.
    pub fn down(&mut self) {
        if self.flow != Flow::Fenced {
            self.flow = Flow::Down;
        }
        self.at_large += self.void.len() + self.sent.len();
        self.lost.append(&mut self.void);
        self.lost
            .extend(self.sent.drain(..).map(|sent| (sent.session, sent.cxid)));
    }

    /// The target's tree is up to date again, and its leader takes requests.
    pub fn up(&mut self, trees: Trees<'_>) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.flow != Flow::Fenced {
            self.plan_again(trees, &mut notices);
        }
        notices
    }

    /// Keeps what the checkpoint says is not in the target, and plans it again from the target's tree.
    fn plan_again(&mut self, trees: Trees<'_>, notices: &mut Vec<Notice>) {
        let (checkpoint, version) = Checkpoint::read(trees.target, &self.path).unwrap_or_default();
        if checkpoint.run != self.run {
            self.flow = Flow::Fenced;
            notices.push(Notice::Fenced { by: checkpoint.run });
            return;
        }
        self.flow = if self.at_large > 0 {
            Flow::Claiming
        } else {
            Flow::Running
        };
        self.base = checkpoint.unit;
        self.version = version;
        self.marked = checkpoint.position();
        self.next = 0;
        self.overlay.clear();
        self.done(checkpoint.unit, notices);
        let units = std::mem::take(&mut self.units);
        for mut unit in units {
            unit.steps = plan(&unit.origin, trees, &mut self.overlay, unit.number, &self.scope);
            unit.sent = 0;
            if unit.steps.is_empty() {
                self.applied = unit.zxid;
                notices.push(Notice::Applied { seen: unit.at });
            } else {
                self.units.push_back(unit);
            }
        }
    }
}

fn answer(txn: &Txn) -> Answer {
    match &txn.op {
        Op::Error { code } => Answer::Refused(*code),
        op @ Op::Multi(parts) if op.is_failed_multi() => {
            // Parts around the failing one carry 0 and -2.
            let code = parts.iter().find_map(|part| match part {
                Op::Error { code } if !matches!(code, 0 | -2) => Some(*code),
                _ => None,
            });
            Answer::Refused(code.unwrap_or(-2))
        }
        _ => Answer::Done,
    }
}
