//! Decides what the answers in the target's stream mean for the units.

use mesolith_zk::record::{Op, Txn};
use mesolith_zk::request::Request;

use super::{Flow, Notice, Outgoing, Pipeline, Sent, Step, Trees, What};

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// The server's error code, and the part of a multi that has failed.
    Refused {
        code: i32,
        part: usize,
    },
}

impl Pipeline {
    /// A transaction of this engine was committed on the target and is in its tree.
    pub fn answered(&mut self, txn: &Txn, trees: Trees<'_>, now: u64) -> Vec<Notice> {
        let key = (txn.header.session, txn.header.cxid);
        let mut notices = Vec::new();
        if self.void.remove(&key) {
            if self.void.is_empty() {
                self.plan_again(trees, &mut notices);
            }
            return notices;
        }
        if self.lost.remove(&key) {
            return notices;
        }
        let is_next = |sent: &mut Sent| (sent.session, sent.cxid) == key;
        // All others are from an earlier run, or outside the order.
        let Some(sent) = self.sent.pop_front_if(is_next) else {
            return notices;
        };
        match answer(txn) {
            Answer::Done => {
                self.pace.answered(sent.at, now);
                notices.push(Notice::Answered { sent: sent.at });
                self.refusals = 0;
                if sent.what == What::Claim {
                    self.at_large = 0;
                    self.flow = Flow::Running;
                }
                self.done(sent.through, &mut notices);
            }
            Answer::Refused { code, part } => {
                sent.span.record("refused", code);
                self.turned_down(&sent, code, part, trees, now, &mut notices);
            }
        }
        notices
    }

    /// All units up to this number are in the target.
    pub(super) fn done(&mut self, through: u64, notices: &mut Vec<Notice>) {
        while let Some(unit) = self.units.pop_front_if(|unit| unit.number <= through) {
            self.next = self.next.saturating_sub(1);
            self.applied = self.applied.max(unit.zxid);
            if let Some(Step::Close { session }) = unit.steps.last() {
                self.close_aside(*session);
            }
            notices.extend(
                unit.skip
                    .iter()
                    .filter(|path| unit.wrote(path))
                    .map(|path| Notice::Overtaken { path: path.clone() }),
            );
            notices.push(Notice::Applied { seen: unit.at });
        }
        self.overlay.done(through);
        let applied = self.applied;
        if !self.current.is_empty() {
            self.current.retain(|_, position| *position > applied);
        }
    }

    /// Its nodes are gone, so its client is not on this side. Nothing waits for the answer.
    fn close_aside(&mut self, session: i64) {
        let cxid = self.next_cxid();
        self.aside.push_back(Outgoing {
            session,
            cxid,
            request: Request::CloseSession,
            take_over: false,
        });
    }
}

impl super::Unit {
    /// Whether the session end was sent together with a change of a node.
    fn wrote(&self, path: &str) -> bool {
        self.steps[..self.sent.min(self.steps.len())]
            .iter()
            .any(|step| matches!(step, Step::Write { write, .. } if write.path() == path))
    }
}

pub(super) fn answer(txn: &Txn) -> Answer {
    match &txn.op {
        Op::Error { code } => Answer::Refused { code: *code, part: 0 },
        op @ Op::Multi(parts) if op.is_failed_multi() => {
            // The parts around the failing one have the codes 0 and -2.
            let failing = parts.iter().enumerate().find_map(|(part, op)| match op {
                Op::Error { code } if !matches!(code, 0 | -2) => Some((*code, part)),
                _ => None,
            });
            let (code, part) = failing.unwrap_or((-2, 0));
            Answer::Refused { code, part }
        }
        _ => Answer::Done,
    }
}
