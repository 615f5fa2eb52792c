//! The engine's task. It takes the events of both sides, asks for decisions, and sends requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use super::Error;
use super::claim::Claim;
use super::commands::Waiters;
use super::conflict_log::ConflictLog;
use super::end::{End, both};
use super::filling::Filling;
use super::layout::Layout;
use super::open::Opened;
use super::opening::answering;
use super::phases::Phases;
use crate::duplex::{Duplex, Rounds};
use crate::handle::Command;
use crate::options::Options;
use crate::pipeline::{Identity, Outgoing};
use crate::routes::Routes;
use crate::seed;
use crate::settings::{Settings, Side};
use crate::status::{Status, Waiting};

/// Pause between two looks at everything that depends on time.
const TICK: Duration = Duration::from_millis(20);
/// Most events that are taken before requests are sent.
const BURST: usize = 256;
/// Pause, in microseconds, between two checkpoints when there is nothing else to write.
const MARK_PAUSE: u64 = 1_000_000;

/// The engine's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Connecting,
    Standby,
    Active,
    Stopping,
}

pub(super) struct Driver {
    pub(super) options: Options,
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    pub(super) run: String,
    begun: Instant,
    pub(super) a: End,
    pub(super) b: End,
    pub(super) duplex: Duplex,
    pub(super) role: Role,
    pub(super) failed: Option<Waiting>,
    pub(super) rounds: Rounds,
    /// Nodes that may still be repaired now under the rate limit.
    pub(super) repairs: f64,
    /// Whether the target still has to be filled by file, before it is started; and the result.
    pub(super) to_seed: bool,
    pub(super) seeded: Option<seed::Seeded>,
    pub(super) retry_refused: u64,
    pub(super) errors: u64,
    pub(super) log: ConflictLog,
    pub(super) waiters: Waiters,
    pub(super) rates: super::report::Rates,
    pub(super) filling: Filling,
    pub(super) phases: Phases,
    status: watch::Sender<Arc<Status>>,
    published: u64,
}

impl Driver {
    pub(super) fn new(
        options: Options,
        routes: Routes,
        opened: Opened,
        phases: Phases,
        status: watch::Sender<Arc<Status>>,
    ) -> Result<Self, Error> {
        let settings = options.settings.clone();
        let folder = |path: &std::path::Path, source| Error::StateDir {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(&options.state_dir).map_err(|error| folder(&options.state_dir, error))?;
        let log_path = options
            .state_dir
            .join(format!("{}.conflicts.jsonl", options.name));
        let log = ConflictLog::open(&log_path).map_err(|error| folder(&log_path, error))?;
        let layout = Layout::new(&options.name);
        let run = new_run();
        let tag = tag(&options.name);
        let identity = Identity {
            run: run.clone(),
            session: 0,
            path: layout.checkpoint.clone(),
            tag,
        };
        let lease = i32::try_from(options.lease_timeout.as_millis()).unwrap_or(i32::MAX);
        let end = |side, link| {
            End::new(
                &options,
                side,
                link,
                Claim::new(run.clone(), layout.clone(), lease, side == Side::B, tag),
            )
        };
        let (a, b) = (end(Side::A, opened.a), end(Side::B, opened.b));
        let mut duplex = Duplex::new(&settings, routes, identity.clone(), identity);
        for side in [Side::A, Side::B] {
            duplex
                .away_from_mut(side)
                .set_shortest_session(lease.saturating_mul(2));
        }
        Ok(Self {
            duplex,
            a,
            b,
            layout,
            run,
            begun: Instant::now(),
            role: Role::Connecting,
            failed: None,
            rounds: Rounds::default(),
            repairs: 0.0,
            to_seed: opened.seed,
            seeded: None,
            retry_refused: 0,
            errors: 0,
            log,
            waiters: Waiters::default(),
            rates: super::report::Rates::default(),
            filling: Filling::default(),
            phases,
            status,
            published: 0,
            settings,
            options,
        })
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<(), Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                event = self.a.link.next() => self.event(Side::A, event)?,
                event = self.b.link.next() => self.event(Side::B, event)?,
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.role = Role::Stopping,
                },
                _ = tick.tick() => self.tick(&mut commands).await?,
            }
            for _ in 0..BURST {
                let a = self.a.link.next().now_or_never();
                let b = self.b.link.next().now_or_never();
                if a.is_none() && b.is_none() {
                    break;
                }
                if let Some(event) = a {
                    self.event(Side::A, event)?;
                }
                if let Some(event) = b {
                    self.event(Side::B, event)?;
                }
            }
            if self.role == Role::Stopping {
                self.leave().await;
                self.publish();
                return Ok(());
            }
            self.work();
            // The links' own tasks may wait for this thread.
            tokio::task::yield_now().await;
        }
    }

    /// Microseconds since the engine began. Never 0, since 0 means "not measured".
    pub(super) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    pub(super) fn at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.begun);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1)
    }

    pub(super) fn end(&self, side: Side) -> &End {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    pub(super) fn send(&self, side: Side, out: Outgoing) {
        let requests = self.end(side).link.requests();
        if out.take_over {
            let _ = requests.revalidate(out.session, 30_000);
        }
        // Without a link the request is lost; the next event tells of that.
        let _ = requests.send(out.session, out.cxid, &out.request);
    }

    async fn tick(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), Error> {
        if self.to_seed && self.a.up {
            self.seed()?;
        }
        if self.role == Role::Connecting && self.a.up && self.b.up {
            let span = tracing::info_span!(parent: &self.phases.span(), "join");
            let status = self.status.clone();
            let joined = answering(self.join().instrument(span), &status, commands).await;
            let Some(joined) = joined else {
                self.settings = status.borrow().settings.clone();
                self.role = Role::Stopping;
                return Ok(());
            };
            joined?;
        }
        let now = self.now();
        self.learn_largest();
        self.try_refused(now);
        let news = self.duplex.due(both(&self.a, &self.b), now);
        self.news(news, now);
        self.moves();
        self.touch();
        for side in [Side::A, Side::B] {
            if self.end(side).marked + MARK_PAUSE <= now {
                self.end_mut(side).marked = now;
                let mark = self.duplex.away_from_mut(side.other()).mark(now);
                if let Some(mark) = mark {
                    self.send(side, mark);
                }
            }
        }
        self.walk(true);
        if self.published + 200_000 <= now {
            self.published = now;
            self.publish();
        }
        Ok(())
    }

    pub(super) fn publish(&mut self) {
        let status = self.report();
        self.status.send_replace(Arc::new(status));
    }

    /// Everything that may go on after events.
    fn work(&mut self) {
        let now = self.now();
        if self.failed.is_none() {
            self.claim(now);
        }
        self.follow_phase();
        if self.role == Role::Active && !self.rounds.is_settled() {
            self.walk(false);
        }
        self.share_alike();
        for side in [Side::A, Side::B] {
            for out in self.duplex.take(side, now) {
                self.send(side, out);
            }
        }
        self.answer_waiters();
    }
}

/// A name that is unique for each start and readable for people.
fn new_run() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}-{}", host.trim(), std::process::id(), &random[..8])
}

/// First byte of the numbers of this engine's requests: the highest bit and a hash of its name.
fn tag(name: &str) -> u8 {
    (crc32fast::hash(name.as_bytes()) & 0x7f) as u8 | 0x80
}

/// A session id that no server gives out and no other engine uses.
pub(super) fn new_session() -> i64 {
    let random = uuid::Uuid::new_v4().as_u64_pair().0 & 0xffff_ffff_ffff;
    crate::duplex::ENGINE_PREFIX << 48 | random.cast_signed()
}
