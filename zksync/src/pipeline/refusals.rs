//! Decides what to do about a request that the target has refused.

use std::sync::Arc;

use mesolith_zk::request::{CreateMode, Write};

use super::{Flow, Notice, Pipeline, Sent, Step, Trees, What};

const INVALID_ACL: i32 = -114;
/// The codes of servers that do not know a sort of node, or were not set up for it.
const UNREADABLE: i32 = -5;
const UNKNOWN_KIND: i32 = -6;
const SESSION_EXPIRED: i32 = -112;
const SESSION_MOVED: i32 = -118;
/// Codes for which another attempt does not help: missing rights, an ACL whose scheme the target does not know, an
/// operation or argument that it does not take, a quota.
const FINAL: [i32; 6] = [-102, -114, -125, -6, -8, -122];
/// After so many refusals of the same request, with nothing done in between, even a code that might pass is final.
const PATIENCE: u32 = 12;
/// First and longest pause after a refusal, in microseconds. The first attempts come at once.
const FIRST_PAUSE: u64 = 2_000;
const LONGEST_PAUSE: u64 = 1_000_000;

impl Pipeline {
    /// Whether the pause after a refusal is over.
    pub(super) fn may_send(&self, now: u64) -> bool {
        now >= self.not_before
    }

    pub(super) fn turned_down(
        &mut self,
        sent: &Sent,
        code: i32,
        part: usize,
        trees: Trees<'_>,
        now: u64,
        notices: &mut Vec<Notice>,
    ) {
        self.counters.refused += 1;
        if tracing::enabled!(tracing::Level::DEBUG) {
            let path = self.failing(sent, part);
            let session = format!("{:#x}", sent.session);
            tracing::debug!(from = %self.from, session, what = ?sent.what, code, part, path, "refused");
        }
        let is_mended = self.narrow(sent, code, part, notices);
        match sent.what {
            // Later checkpoints count it as done, so a comparison has to find what is missing.
            What::Acl => {
                let write = self.failing_write(sent, 0);
                self.done(sent.through, notices);
                match write {
                    Some(write) if FINAL.contains(&code) && !is_mended => {
                        self.give_up(&write, code, notices);
                    }
                    Some(write) => self.repair(write.path().into(), trees),
                    None => {}
                }
                return;
            }
            // The node exists already.
            What::Open => {
                self.done(sent.through, notices);
                return;
            }
            What::Multi | What::Claim => {}
        }
        self.refusals += 1;
        if sent.session == self.me.session {
            if matches!(code, SESSION_EXPIRED | SESSION_MOVED) {
                notices.push(Notice::Disowned);
                self.refusals += 1;
            }
        } else if code == SESSION_MOVED {
            self.moved(sent, notices);
        }
        let is_final = FINAL.contains(&code) || self.refusals > PATIENCE;
        if is_final
            && !is_mended
            && !matches!(code, SESSION_MOVED | SESSION_EXPIRED)
            && let Some(write) = self.failing_write(sent, part)
        {
            self.give_up(&write, code, notices);
            self.refusals = 0;
        }
        self.not_before = now + pause(self.refusals);
        self.note_unsure();
        self.void
            .extend(self.sent.drain(..).map(|sent| (sent.session, sent.cxid)));
        if self.void.is_empty() {
            self.plan_again(trees, notices);
        } else {
            self.flow = Flow::Draining;
        }
    }

    /// The client is on the target by now. A request that would end its session is not carried out. Its new changes
    /// are, by taking the session over for a moment.
    fn moved(&mut self, sent: &Sent, notices: &mut Vec<Notice>) {
        let session = sent.session;
        if self.connected.as_ref().is_some_and(|all| !all.contains(&session)) {
            // No client is connected with this session: the leader takes an earlier link of ours for its owner.
            self.contested.insert(session);
            return;
        }
        notices.push(Notice::Moved { session });
        let mut creates = false;
        for unit in &mut self.units {
            if matches!(unit.steps.last(), Some(Step::Close { session: closed }) if *closed == session) {
                unit.origin = super::Origin::Nothing;
            } else {
                creates |= unit.steps.iter().any(
                    |step| matches!(step, Step::Write { session: Some(owner), .. } if *owner == session),
                );
            }
        }
        if creates {
            self.contested.insert(session);
        }
    }

    /// Notes access control lists that are on their way when a request is refused: they have to be compared.
    pub(super) fn note_unsure(&mut self) {
        let lists = self.sent.iter().filter(|sent| sent.what == What::Acl);
        let paths: Vec<_> = lists.filter_map(|sent| self.failing(sent, 0)).collect();
        self.unsure.extend(paths);
    }

    /// The changes at the beginning of a request: its own, and those of later requests.
    fn writes_from(&self, (number, step): (u64, usize)) -> impl Iterator<Item = (u64, &Write)> {
        let begin = self.units.partition_point(|unit| unit.number < number);
        let units = self.units.range(begin..);
        let steps = units.flat_map(move |unit| {
            let from = if unit.number == number { step } else { 0 };
            unit.steps.iter().skip(from).map(|step| (unit.number, step))
        });
        steps.filter_map(|(unit, step)| match step {
            Step::Write { write, .. } => Some((unit, write)),
            Step::Open { .. } | Step::Close { .. } => None,
        })
    }

    /// The change that has failed.
    fn failing_write(&self, sent: &Sent, part: usize) -> Option<Write> {
        let (_, write) = self.writes_from(sent.first).nth(part)?;
        Some(write.clone())
    }

    /// The node whose change has failed.
    fn failing(&self, sent: &Sent, part: usize) -> Option<Box<str>> {
        Some(self.failing_write(sent, part)?.path().into())
    }

    /// Whether the target has refused something that it does not know; this is left out or replaced from now on.
    fn narrow(&mut self, sent: &Sent, code: i32, part: usize, notices: &mut Vec<Notice>) -> bool {
        let mut common = Arc::clone(&self.common);
        let learned = Arc::make_mut(&mut common);
        let what = match code {
            INVALID_ACL => match self.writes_from(sent.first).nth(part) {
                Some((_, Write::Create { acl: Some(list), .. } | Write::SetAcl { acl: Some(list), .. })) => {
                    let form = learned.refuse_list(list);
                    if learned.list(Some(list)).as_deref() == Some(list) {
                        return false;
                    }
                    form.map(|form| format!("entries {form} of access control lists"))
                }
                _ => return false,
            },
            // An old server refuses such a request as a whole and does not say which part it was.
            UNREADABLE | UNKNOWN_KIND if sent.what == What::Multi => {
                let last = sent.through.max(sent.first.0);
                let skip = if code == UNKNOWN_KIND { part } else { 0 };
                let writes = self.writes_from(sent.first).take_while(|(unit, _)| *unit <= last);
                let modes = writes.skip(skip).filter_map(|(_, write)| match write {
                    Write::Create { mode, .. } => Some(*mode),
                    _ => None,
                });
                let mut modes =
                    modes.filter(|mode| matches!(mode, CreateMode::Container | CreateMode::Ttl(_)));
                let Some(mode) = modes.next() else { return false };
                let new = learned.refuse_kind(mode);
                new.then(|| match mode {
                    CreateMode::Container => "containers".to_owned(),
                    _ => "nodes with a time to live".to_owned(),
                })
            }
            _ => return false,
        };
        self.common = common;
        notices.extend(what.map(|what| Notice::Narrowed { what }));
        true
    }

    /// Leaves a change out, since the target refuses it.
    fn give_up(&mut self, write: &Write, code: i32, notices: &mut Vec<Notice>) {
        self.refused.refuse(write, code);
        let path = write.path().into();
        notices.push(Notice::Unwritable { path, code });
    }
}

fn pause(refusals: u32) -> u64 {
    match refusals.checked_sub(3) {
        None => 0,
        Some(more) => FIRST_PAUSE.saturating_mul(1 << more.min(16)).min(LONGEST_PAUSE),
    }
}
