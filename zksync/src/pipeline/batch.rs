//! Which request comes next: as much as has come, in order, in as few requests as the servers' rules allow.

use bytes::Bytes;
use mesolith_zk::request::{ANY_VERSION, Request, Write};

use super::{Flow, Outgoing, Pipeline, Sent, Step, What};
use crate::checkpoint::{Checkpoint, ROOT};

impl Pipeline {
    /// The requests to send now.
    pub fn take(&mut self) -> Vec<Outgoing> {
        let mut requests = Vec::new();
        if self.flow == Flow::Claiming && !self.paused && self.sent.is_empty() {
            requests.push(self.claim());
        }
        while self.flow == Flow::Running
            && !self.paused
            && self.sent.len() < self.limits.in_flight
            && let Some(request) = self.next_request()
        {
            requests.push(request);
        }
        requests
    }

    /// Raises the checkpoint's version beyond what any request of the lost link expects, so that none of them can come
    /// between those that are sent from now on. If one of them came first, this one fails.
    fn claim(&mut self) -> Outgoing {
        let data = Checkpoint {
            zxid: self.marked.0,
            run: self.run.clone(),
            unit: self.base,
        };
        let data = Bytes::from(data.bytes());
        let mut writes = Vec::new();
        for _ in 0..=self.at_large {
            writes.push(Write::SetData {
                path: self.path.as_str().into(),
                data: Some(data.clone()),
                version: self.version,
            });
            self.version = self.version.wrapping_add(1);
        }
        let through = self.base;
        self.send(self.session, Request::Multi(writes), through, What::Claim)
    }

    /// The checkpoint alone, when the source went on without anything to write, or was idle since.
    pub fn mark(&mut self) -> Option<Outgoing> {
        let due = self.flow == Flow::Running && !self.paused && self.is_idle() && self.seen != self.marked;
        due.then(|| {
            let number = self.number;
            self.multi(self.session, Vec::new(), number, self.seen)
        })
    }

    fn next_request(&mut self) -> Option<Outgoing> {
        let unit = self.units.get(self.next)?;
        match &unit.steps[unit.sent] {
            Step::Write { write, .. } if !fits_multi(write) => {
                let what = What::Acl(write.path().into());
                let request = Request::Single(write.clone());
                self.counters.writes += 1;
                Some(self.single(self.session, request, what))
            }
            Step::Write { .. } => Some(self.gather()),
            Step::Open { session, timeout } => {
                let (session, timeout) = (*session, *timeout);
                self.mirrored.insert(session, timeout);
                Some(self.single(session, Request::OpenSession { timeout }, What::Session))
            }
            Step::Close { session } => {
                let session = *session;
                // The answer decides, so nothing may be on its way around it.
                if !self.sent.is_empty() {
                    return None;
                }
                // Nobody has this node. Who may not write in the session's name is told so before it is looked for.
                let nobody = Write::SetData {
                    path: format!("{ROOT}/.nobody").into(),
                    data: None,
                    version: ANY_VERSION,
                };
                Some(self.single(session, Request::Single(nobody), What::Probe))
            }
        }
    }

    fn single(&mut self, session: i64, request: Request, what: What) -> Outgoing {
        let through = match what {
            // Not done by its answer, but by what follows from it.
            What::Probe => self.units.get(self.next).map_or(0, |unit| unit.number - 1),
            _ => self.advance(1),
        };
        self.send(session, request, through, what)
    }

    /// Counts steps of the next unit as sent or dealt with; gives the last unit that is sent as a whole.
    pub(super) fn advance(&mut self, steps: usize) -> u64 {
        let Some(unit) = self.units.get_mut(self.next) else {
            return self.number;
        };
        unit.sent += steps;
        if unit.sent < unit.steps.len() {
            return unit.number - 1;
        }
        let number = unit.number;
        self.next += 1;
        number
    }

    fn gather(&mut self) -> Outgoing {
        let mut writes: Vec<Write> = Vec::new();
        let mut owner = None;
        let mut size = 0;
        let mut through = 0;
        let mut zxid = self.applied;
        while let Some(unit) = self.units.get(self.next) {
            let rest = &unit.steps[unit.sent..];
            let mut taken = 0;
            let (mut unit_owner, mut unit_size) = (owner, size);
            for step in rest {
                let Step::Write { session, write } = step else {
                    break;
                };
                let other = session.is_some() && unit_owner.is_some() && *session != unit_owner;
                let full =
                    writes.len() + taken >= self.limits.batch || unit_size + write.size() > self.limits.bytes;
                // The first unit goes whatever its size: the source took it in one request too.
                let may_exceed = unit.is_atomic() && writes.is_empty();
                if !fits_multi(write) || other || (full && !may_exceed && writes.len() + taken > 0) {
                    break;
                }
                unit_owner = unit_owner.or(*session);
                unit_size += write.size();
                taken += 1;
            }
            if taken == 0 || (taken < rest.len() && unit.is_atomic() && !writes.is_empty()) {
                break;
            }
            (owner, size) = (unit_owner, unit_size);
            let complete = taken == rest.len();
            writes.extend(rest[..taken].iter().filter_map(|step| match step {
                Step::Write { write, .. } => Some(write.clone()),
                _ => None,
            }));
            if complete {
                zxid = unit.zxid;
            }
            through = self.advance(taken);
            if !complete {
                break;
            }
        }
        self.counters.writes += writes.len() as u64;
        self.multi(owner.unwrap_or(self.session), writes, through, zxid)
    }

    fn multi(
        &mut self,
        session: i64,
        mut writes: Vec<Write>,
        through: u64,
        zxid: mesolith_zk::record::Zxid,
    ) -> Outgoing {
        let checkpoint = Checkpoint {
            zxid: zxid.0,
            run: self.run.clone(),
            unit: through,
        };
        writes.push(Write::SetData {
            path: self.path.as_str().into(),
            data: Some(Bytes::from(checkpoint.bytes())),
            version: self.version,
        });
        self.version = self.version.wrapping_add(1);
        self.marked = zxid;
        self.send(session, Request::Multi(writes), through, What::Multi)
    }

    pub(super) fn send(&mut self, session: i64, request: Request, through: u64, what: What) -> Outgoing {
        // Negative numbers, which no client of a mirrored session uses.
        self.cxid = self.cxid.wrapping_sub(1).min(-1);
        if self.cxid == i32::MIN {
            self.cxid = -1;
        }
        self.counters.requests += 1;
        self.sent.push_back(Sent {
            session,
            cxid: self.cxid,
            through,
            what,
        });
        Outgoing {
            session,
            cxid: self.cxid,
            request,
        }
    }
}

/// Servers take no ACL inside a multi.
fn fits_multi(write: &Write) -> bool {
    !matches!(write, Write::SetAcl { .. })
}
