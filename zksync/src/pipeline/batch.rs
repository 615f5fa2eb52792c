//! Builds the next requests. Everything that has gathered is sent, in order, in as few requests as the servers' rules
//! allow.

use bytes::Bytes;
use mesolith_zk::record::Zxid;
use mesolith_zk::request::{Request, Write};
use tracing::Span;
use tracing::field::Empty;

use super::{Flow, Outgoing, Pipeline, Sent, Step, What};
use crate::checkpoint::Checkpoint;

/// Bytes of the headers around the changes of a multi.
const AROUND: usize = 17;
/// Whole requests that may be on their way in addition to the others.
const MOST_WHOLE: usize = 6;

impl Pipeline {
    /// The requests to send now. `now` is in microseconds of the caller's clock.
    pub fn take(&mut self, now: u64) -> Vec<Outgoing> {
        let mut requests: Vec<Outgoing> = self.aside.drain(..).collect();
        if self.paused {
            return requests;
        }
        if self.flow == Flow::Claiming && self.sent.is_empty() {
            requests.push(self.claim(now));
        }
        while self.flow == Flow::Running
            && self.may_be_under_way() > self.sent.len()
            && self.may_send(now)
            && let Some(request) = self.next_request(now)
        {
            requests.push(request);
        }
        requests
    }

    /// How many requests may be on their way. A few more while whole requests wait, since these gain nothing from
    /// waiting.
    fn may_be_under_way(&self) -> usize {
        let whole = self.units.len().saturating_sub(self.next) / self.limits.batch.max(1);
        self.pace.allowed(self.limits.in_flight) + whole.min(MOST_WHOLE)
    }

    /// Raises the checkpoint's version above what any request of the lost link expects. So none of those can be
    /// carried out between the requests that are sent from now on. If one of them comes before this request, this
    /// request fails.
    fn claim(&mut self, now: u64) -> Outgoing {
        let data = self.checkpoint(self.marked, self.base);
        let mut writes = Vec::new();
        for _ in 0..=self.at_large {
            writes.push(self.mark_write(data.clone()));
        }
        let (session, base) = (self.me.session, self.base);
        self.send(session, Request::Multi(writes), (base, 0), base, What::Claim, now)
    }

    /// A request that only writes the checkpoint, when the source has moved on with nothing to write, or when there is news
    /// about what the target has.
    pub fn mark(&mut self, now: u64) -> Option<Outgoing> {
        let due = self.flow == Flow::Running && !self.paused && self.is_idle();
        let due = due && (self.seen > self.marked || self.unsaid);
        due.then(|| {
            let (number, session, zxid) = (self.number, self.me.session, self.passed());
            self.multi(session, Vec::new(), (number, 0), number, zxid, now)
        })
    }

    fn next_request(&mut self, now: u64) -> Option<Outgoing> {
        loop {
            let unit = self.units.get(self.next)?;
            let first = (unit.number, unit.sent);
            match unit.steps.get(unit.sent) {
                // Nothing is left of the unit, since it has lost a conflict.
                None => {
                    self.advance(0);
                }
                // It was planned when the servers took more.
                Some(Step::Write { write, .. }) if write.packet() > self.largest => {
                    let write = write.clone();
                    self.refused.admits(&write, self.largest);
                    self.advance(1);
                }
                Some(Step::Write { write, .. }) if !fits_multi(write) => {
                    let request = Request::Single(write.clone());
                    self.counters.writes += 1;
                    let through = self.advance(1);
                    return Some(self.send(self.me.session, request, first, through, What::Acl, now));
                }
                Some(Step::Write { .. }) => return Some(self.gather(first, now)),
                Some(Step::Open { session, timeout }) => {
                    let timeout = self.shortest.max(*timeout);
                    let (session, request) = (*session, Request::OpenSession { timeout });
                    let through = self.advance(1);
                    return Some(self.send(session, request, first, through, What::Open, now));
                }
                // The session is closed once its unit is done, see `done`.
                Some(Step::Close { .. }) => {
                    let through = self.advance(1);
                    if first.1 == 0 {
                        // It owned nothing, but its leader still has to accept us as its owner.
                        let Some(Step::Close { session }) = self.step(first) else {
                            continue;
                        };
                        let zxid = self.unit_zxid(first.0);
                        return Some(self.multi(session, Vec::new(), first, through, zxid, now));
                    }
                }
            }
        }
    }

    fn step(&self, (number, step): (u64, usize)) -> Option<Step> {
        let index = self
            .units
            .binary_search_by_key(&number, |unit| unit.number)
            .ok()?;
        self.units[index].steps.get(step).cloned()
    }

    fn unit_zxid(&self, number: u64) -> Zxid {
        let index = self.units.binary_search_by_key(&number, |unit| unit.number);
        index.map_or(self.applied, |index| self.units[index].zxid)
    }

    /// Counts steps of the next unit as sent or handled. Returns the last unit that was sent as a whole.
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

    /// As many changes as fit into a packet of a client's, or one that fits alone. The checkpoint comes on top: servers
    /// take at least 1,024 bytes more from one another than from clients.
    fn gather(&mut self, first: (u64, usize), now: u64) -> Outgoing {
        let mut writes: Vec<Write> = Vec::new();
        let mut owner = None;
        let mut size = AROUND;
        let mut through = first.0 - 1;
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
                let with = unit_size + write.size_in_multi();
                let full =
                    writes.len() + taken >= self.limits.batch || with > self.limits.bytes.min(self.largest);
                // The first unit goes as a whole, up to what a server takes, since the source took it in one request
                // too.
                let may_exceed = unit.is_atomic() && writes.is_empty() && with <= self.largest;
                if !fits_multi(write)
                    || write.packet() > self.largest
                    || other
                    || (full && !may_exceed && writes.len() + taken > 0)
                {
                    break;
                }
                unit_owner = unit_owner.or(*session);
                unit_size = with;
                taken += 1;
            }
            // A close is in the last request of its unit.
            let closes = matches!(rest.get(taken), Some(Step::Close { .. })) && taken + 1 == rest.len();
            let complete = taken == rest.len() || (closes && taken > 0);
            if taken == 0 || (!complete && unit.is_atomic() && !writes.is_empty()) {
                break;
            }
            (owner, size) = (unit_owner, unit_size);
            writes.extend(rest[..taken].iter().filter_map(|step| match step {
                Step::Write { write, .. } => Some(write.clone()),
                Step::Open { .. } | Step::Close { .. } => None,
            }));
            if complete {
                zxid = unit.zxid;
            }
            through = self.advance(taken + usize::from(closes));
            if !complete || closes {
                break;
            }
        }
        self.counters.writes += writes.len() as u64;
        self.counters.bytes += writes.iter().map(data_length).sum::<u64>();
        self.multi(
            owner.unwrap_or(self.me.session),
            writes,
            first,
            through,
            zxid,
            now,
        )
    }

    fn multi(
        &mut self,
        session: i64,
        mut writes: Vec<Write>,
        first: (u64, usize),
        through: u64,
        zxid: Zxid,
        now: u64,
    ) -> Outgoing {
        // Units of an earlier position may follow repairs, but the checkpoint never goes back.
        let zxid = zxid.max(self.marked);
        let data = self.checkpoint(zxid, through);
        let mark = self.mark_write(data);
        writes.push(mark);
        self.marked = zxid;
        self.unsaid = false;
        self.send(session, Request::Multi(writes), first, through, What::Multi, now)
    }

    fn checkpoint(&self, zxid: Zxid, unit: u64) -> Bytes {
        let checkpoint = Checkpoint {
            zxid: zxid.0,
            run: self.me.run.clone(),
            unit,
            complete: self.complete,
            equal: self.equal(zxid),
        };
        Bytes::from(checkpoint.bytes())
    }

    fn mark_write(&mut self, data: Bytes) -> Write {
        let version = self.version;
        self.version = self.version.wrapping_add(1);
        Write::SetData {
            path: self.me.path.as_str().into(),
            data: Some(data),
            version,
        }
    }

    /// Number of the next request: the tag, then 23 bits that count. With the 24th bit set it is one of the claim's.
    pub(super) fn next_cxid(&mut self) -> i32 {
        self.cxid = (self.cxid + 1) & 0x007f_ffff;
        (u32::from(self.me.tag) << 24 | self.cxid).cast_signed()
    }

    /// A span of a request, computed only if traces are that detailed.
    fn span(&self, request: &Request, first: u64, through: u64) -> Span {
        tracing::debug_span!(
            parent: None,
            "batch",
            from = %self.unit_zxid(first),
            to = %self.unit_zxid(through),
            units = (through + 1).saturating_sub(first).cast_signed(),
            writes = writes(request).len().cast_signed() as i64,
            bytes = writes(request).iter().map(Write::size).sum::<usize>().cast_signed() as i64,
            refused = Empty
        )
    }

    pub(super) fn send(
        &mut self,
        session: i64,
        request: Request,
        first: (u64, usize),
        through: u64,
        what: What,
        at: u64,
    ) -> Outgoing {
        let cxid = self.next_cxid();
        self.counters.requests += 1;
        let span = self.span(&request, first.0, through);
        self.sent.push_back(Sent {
            session,
            cxid,
            first,
            through,
            what,
            at,
            span,
        });
        Outgoing {
            session,
            cxid,
            request,
            take_over: self.contested.remove(&session),
        }
    }
}

fn writes(request: &Request) -> &[Write] {
    match request {
        Request::Single(write) => std::slice::from_ref(write),
        Request::Multi(writes) => writes,
        Request::OpenSession { .. } | Request::CloseSession => &[],
    }
}

/// Servers take no ACL inside a multi.
fn fits_multi(write: &Write) -> bool {
    !matches!(write, Write::SetAcl { .. })
}

fn data_length(write: &Write) -> u64 {
    match write {
        Write::Create { data, .. } | Write::SetData { data, .. } => {
            data.as_ref().map_or(0, |data| data.len() as u64)
        }
        Write::Delete { .. } | Write::SetAcl { .. } | Write::Check { .. } => 0,
    }
}
