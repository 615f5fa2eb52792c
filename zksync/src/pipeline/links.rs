//! Handles lost links, new links, and the checkpoints of other engines.

use super::unit::Origin;
use super::{Flow, Notice, Pipeline, Trees};
use crate::checkpoint::Checkpoint;

impl Pipeline {
    /// The link to the target is lost. Requests on their way may or may not have been carried out.
    pub fn down(&mut self) {
        if self.flow == Flow::Standby {
            return;
        }
        self.flow = Flow::Down;
        self.aside.clear();
        self.note_unsure();
        self.at_large += self.void.len() + self.sent.len();
        self.lost.append(&mut self.void);
        self.lost
            .extend(self.sent.drain(..).map(|sent| (sent.session, sent.cxid)));
    }

    /// The target's tree is up to date again, and its leader takes requests.
    pub fn up(&mut self, trees: Trees<'_>) -> Vec<Notice> {
        let mut notices = Vec::new();
        if self.flow == Flow::Down {
            self.plan_again(trees, &mut notices);
            // Servers that are set up otherwise are started again for it.
            self.try_refused(trees);
        }
        notices
    }

    /// This engine becomes active: its claim of the checkpoint is in the target's tree.
    pub fn activate(&mut self, session: i64, trees: Trees<'_>) -> Vec<Notice> {
        self.me.session = session;
        if let Some((checkpoint, _)) = Checkpoint::read(trees.target, &self.me.path)
            && self.flow == Flow::Standby
        {
            self.follow(&checkpoint);
        }
        self.flow = Flow::Down;
        (self.at_large, self.base) = (0, 0);
        self.lost.clear();
        self.up(trees)
    }

    /// This engine is no longer active.
    pub fn stand_by(&mut self) {
        self.down();
        self.flow = Flow::Standby;
        self.refused.clear();
    }

    /// Another engine has written a checkpoint. What it has done is not done again here.
    pub fn follow(&mut self, checkpoint: &Checkpoint) {
        if self.flow != Flow::Standby {
            return;
        }
        let at = checkpoint.position();
        self.complete = checkpoint.complete;
        self.follow_gap(checkpoint);
        self.applied = self.applied.max(at);
        self.reached = self.reached.max(at);
        while let Some(unit) = self.units.pop_front_if(|unit| unit.zxid <= at) {
            self.overlay.done(unit.number);
        }
    }

    /// Whether the source's tree is as far as the target. If it is not, the target would look wrong.
    pub fn may_activate(&self, trees: Trees<'_>) -> bool {
        let checkpoint = Checkpoint::read(trees.target, &self.me.path);
        checkpoint.is_none_or(|(checkpoint, _)| trees.source.last_zxid() >= checkpoint.position())
    }

    /// Whether another run may own the checkpoint.
    pub fn is_standby(&self) -> bool {
        self.flow == Flow::Standby
    }

    /// Keeps the units that are not in the target according to the checkpoint, and plans them again from the target's
    /// tree.
    pub(super) fn plan_again(&mut self, trees: Trees<'_>, notices: &mut Vec<Notice>) {
        let (checkpoint, version) = Checkpoint::read(trees.target, &self.me.path).unwrap_or_default();
        if checkpoint.run != self.me.run {
            self.stand_by();
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
        let at = checkpoint.position();
        self.marked = at;
        self.unsaid = (checkpoint.complete, checkpoint.equal) != (self.complete, self.equal(at));
        self.applied = self.applied.max(at);
        self.next = 0;
        self.overlay.clear();
        self.done(checkpoint.unit, notices);
        let units = std::mem::take(&mut self.units);
        let mut counters = Vec::new();
        for mut unit in units {
            // Behind the others, whose creates count first.
            if let Origin::Count(path) = unit.origin {
                counters.push(path);
                continue;
            }
            self.plan(&mut unit, trees);
            if unit.steps.is_empty() {
                self.applied = self.applied.max(unit.zxid);
                notices.push(Notice::Applied { seen: unit.at });
            } else {
                self.units.push_back(unit);
            }
        }
        for path in std::mem::take(&mut self.unsure) {
            self.repair(path, trees);
        }
        for path in counters {
            self.count(path, trees);
        }
        self.come_below(trees);
    }
}
