//! Builds the engine's status.

use std::collections::BTreeMap;

use mesolith_zk::max_buffer;

use super::driver::{Driver, Role};
use super::refusals;
use crate::duplex::NotTaken;
use crate::settings::{Mode, Side};
use crate::status::{Alert, Progress, SideStatus, State, Status, Waiting};

/// What is counted over time.
#[derive(Debug, Default)]
pub(super) struct Rates {
    /// When the budget of nodes was last increased.
    pub(super) budgeted: u64,
    /// `(time, writes, bytes)` of the last seconds.
    samples: std::collections::VecDeque<(u64, u64, u64)>,
    /// When each alert began, by its reason.
    alerts: BTreeMap<&'static str, u64>,
}

/// Period over which rates are taken, in microseconds.
const WINDOW: u64 = 5_000_000;
/// How long the alert about a leader that differed lasts, in microseconds.
const DIFFERED: u64 = 3_600_000_000;
/// A lag in milliseconds that raises an alert of its own if it lasts.
const LONG_LAG: f64 = 500.0;
/// Longest time, in microseconds, that a change may wait while the target counts as in sync.
const BEHIND: u64 = 5_000_000;

impl Rates {
    fn sample(&mut self, now: u64, writes: u64, bytes: u64) -> (f64, f64) {
        self.samples.push_back((now, writes, bytes));
        while self.samples.len() > 2
            && self
                .samples
                .front()
                .is_some_and(|(at, ..)| now.saturating_sub(*at) > WINDOW)
        {
            self.samples.pop_front();
        }
        let Some((then, before, bytes_before)) = self.samples.front().copied() else {
            return (0.0, 0.0);
        };
        let seconds = now.saturating_sub(then) as f64 / 1e6;
        if seconds < 0.05 {
            return (0.0, 0.0);
        }
        (
            (writes - before) as f64 / seconds,
            (bytes - bytes_before) as f64 / seconds,
        )
    }

    fn alert(&mut self, reason: &'static str, message: Option<String>, now: u64, alerts: &mut Vec<Alert>) {
        let Some(message) = message else {
            self.alerts.remove(reason);
            return;
        };
        let since = *self.alerts.entry(reason).or_insert_with(|| {
            tracing::warn!(reason, message, "alert");
            now
        });
        alerts.push(Alert {
            reason: reason.to_owned(),
            message,
            seconds: now.saturating_sub(since) as f64 / 1e6,
        });
    }
}

impl Driver {
    pub(super) fn report(&mut self) -> Status {
        let now = self.now();
        let forth = self.duplex.away_from(Side::A).counters();
        let back = self.duplex.away_from(Side::B).counters();
        let (writes, bytes) = (forth.writes + back.writes, forth.bytes + back.bytes);
        let (updates_per_second, bytes_per_second) = self.rates.sample(now, writes, bytes);
        let lag_ms = self.a.lags.summary(now);
        let both_ways = self.duplex.routes().any_from(Side::B);
        let refused = self.refused();
        let too_large = [Side::A, Side::B].map(|side| self.duplex.away_from(side).refused().too_large());
        let too_large: u64 = too_large.iter().sum();
        let state = self.state(now, refused.is_empty());
        let alerts = self.alerts(now, lag_ms.p95, &refused);
        let progress = self.progress(state, now);
        Status {
            name: self.options.name.clone(),
            state,
            waiting_for: self.waiting_for(),
            observed_generation: self.settings.generation,
            settings: self.settings.clone(),
            run: self.run.clone(),
            pid: std::process::id(),
            active_run: self.b.claim.holder(self.b.link.tree()),
            lag_ms,
            reverse_lag_ms: both_ways.then(|| self.b.lags.summary(now)),
            answer_ms: self.b.answers.summary(now),
            znodes: self.a.link.tree().len() as u64,
            pending: (self.duplex.away_from(Side::A).pending() + self.duplex.away_from(Side::B).pending())
                as u64,
            conflicts: self.duplex.conflicts(),
            frozen: self.duplex.frozen().iter().cloned().collect(),
            refused: refusals::listed(&refused),
            refused_count: refused.len() as u64,
            errors: self.errors + forth.refused + back.refused + too_large,
            bytes_per_second,
            updates_per_second,
            updates: writes,
            bytes,
            applied_zxid: format!("{:#x}", self.duplex.away_from(Side::A).applied().0),
            progress,
            sides: [Side::A, Side::B]
                .into_iter()
                .map(|side| (side, self.side_status(side, now)))
                .collect(),
            alerts,
            memory_bytes: resident(),
            uptime_seconds: now as f64 / 1e6,
        }
    }

    fn state(&self, now: u64, takes_all: bool) -> State {
        match self.role {
            _ if self.failed.is_some() => State::Failed,
            Role::Connecting => State::Connecting,
            Role::Stopping => State::Stopped,
            Role::Standby if self.holder_is_other() => State::Standby,
            Role::Standby => State::Connecting,
            Role::Active if self.settings.mode == Mode::Pause => State::Paused,
            Role::Active if !self.a.up || !self.b.up => State::CatchingUp,
            Role::Active if !self.duplex.away_from(Side::A).is_complete() => State::Seeding,
            Role::Active if !self.rounds.is_settled() || self.is_behind(now) || self.is_asking() => {
                State::CatchingUp
            }
            Role::Active if !takes_all => State::Incomplete,
            Role::Active => State::InSync,
        }
    }

    /// Whether a change has waited for long.
    fn is_behind(&self, now: u64) -> bool {
        let waits = |from| {
            let since = self.duplex.away_from(from).waiting_since();
            since.is_some_and(|since| now.saturating_sub(since) > BEHIND)
        };
        waits(Side::A) || (self.duplex.needs_a() && waits(Side::B))
    }

    fn waiting_for(&self) -> Option<Waiting> {
        if self.failed.is_some() {
            return self.failed.clone();
        }
        if let Some(seeded) = &self.seeded
            && !self.b.up
            && self.role == Role::Connecting
        {
            // Else they cannot read what is larger.
            let raised = self
                .a
                .largest
                .known()
                .filter(|bytes| *bytes > max_buffer::DEFAULT);
            let flag = raised.map_or_else(String::new, |bytes| {
                format!(", with -Djute.maxbuffer={bytes} or more as A's servers have it")
            });
            return Some(Waiting {
                reason: "StartTarget".to_owned(),
                message: format!(
                    "the target is seeded with {} znodes at {:#x}; start its servers now{flag}",
                    seeded.nodes, seeded.zxid.0
                ),
            });
        }
        for side in [Side::A, Side::B] {
            let end = self.end(side);
            if !end.up {
                let cause = end.cause.clone().unwrap_or_else(|| "connecting".to_owned());
                return Some(Waiting {
                    reason: "WaitingForLeader".to_owned(),
                    message: format!("side {side} ({}): {cause}", self.servers(side)),
                });
            }
        }
        (self.role == Role::Standby).then(|| Waiting {
            reason: "StandingBy".to_owned(),
            message: match self.b.claim.holder(self.b.link.tree()) {
                Some(run) => format!("{run} is active"),
                None => "becoming the active engine".to_owned(),
            },
        })
    }

    pub(super) fn holder_is_other(&self) -> bool {
        let holder = self.b.claim.holder(self.b.link.tree());
        holder.is_some_and(|holder| holder != self.run)
    }

    fn servers(&self, side: Side) -> String {
        self.options.endpoint(side).connection_string()
    }

    /// Progress while the target is filled: nodes of A that were looked at and have arrived. A walk that was broken
    /// off continues counting from where it was.
    fn progress(&mut self, state: State, now: u64) -> Option<Progress> {
        if state != State::Seeding {
            self.filling.forget();
            return None;
        }
        let from_a = self.duplex.away_from(Side::A);
        let looked = self.rounds.on_a();
        let done = looked.saturating_sub(from_a.pending() as u64);
        let total = self.a.link.tree().len() as u64;
        Some(self.filling.look(now, done, total, from_a.counters().bytes))
    }

    fn side_status(&self, side: Side, now: u64) -> SideStatus {
        let end = self.end(side);
        let tree = end.link.tree();
        let servers = end.servers.borrow();
        SideStatus {
            servers: self.servers(side),
            version: servers.version.clone(),
            leader: servers.leader.clone(),
            connected: end.up,
            capture: end.link.kind().to_string(),
            capture_reason: end.link.reason().to_owned(),
            znodes: tree.len() as u64,
            zxid: format!("{:#x}", tree.last_zxid().0),
            digest: format!("{:016x}", tree.digest()),
            digest_verified: end.digest,
            digest_age_seconds: (end.digest_at > 0).then(|| now.saturating_sub(end.digest_at) as f64 / 1e6),
            sessions: self.duplex.sessions().count(side) as u64,
            jute_maxbuffer: end.largest.known(),
        }
    }

    fn alerts(&mut self, now: u64, p95: f64, refused: &[NotTaken]) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let threshold = self.settings.lag_threshold.as_secs_f64() * 1e3;
        let lag = (p95 > threshold).then(|| {
            format!("95 % of changes reach the other side within {p95:.0} ms, the limit is {threshold:.0} ms")
        });
        self.rates.alert("LagAboveThreshold", lag, now, &mut alerts);
        let long = (p95 > LONG_LAG).then(|| format!("95 % of changes take up to {p95:.0} ms"));
        self.rates.alert("LagVeryLong", long, now, &mut alerts);
        let rate = self.log.rate(now);
        let many = (rate > self.settings.conflict_threshold as usize).then(|| {
            format!(
                "{rate} conflicts in the last minute; the limit is {}",
                self.settings.conflict_threshold
            )
        });
        self.rates.alert("ConflictRate", many, now, &mut alerts);
        self.rates
            .alert("NodesRefused", refusals::sentence(refused), now, &mut alerts);
        let left_out: Vec<_> = self.duplex.common().left_out().collect();
        let left_out = (!left_out.is_empty()).then(|| {
            format!(
                "a side does not know {} in access control lists: such entries are left out there, see sync diff",
                left_out.join(", ")
            )
        });
        self.rates.alert("EntriesLeftOut", left_out, now, &mut alerts);
        let recent = |side: &Side| {
            let at = self.end(*side).differed_at;
            at.is_some_and(|at| now.saturating_sub(at) < DIFFERED)
        };
        let differed = [Side::A, Side::B].into_iter().find(recent).map(|side| {
            format!(
                "{side}'s leader does not have what was told before: it may have lost what it acknowledged; both sides were compared again, see sync conflicts"
            )
        });
        self.rates.alert("LeaderDiffers", differed, now, &mut alerts);
        alerts
    }
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    pages * 4096
}
