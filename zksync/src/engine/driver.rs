//! One task: takes events of both sides, asks the decisions, sends what they say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use mesolith_zk::learner::Check;
use mesolith_zk::record::{Op, Zxid};
use mesolith_zk::tree::DigestCheck;
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use super::Error;
use super::claim::{Claim, Stage};
use super::commands::Waiters;
use super::conflict_log::ConflictLog;
use super::filling::Filling;
use super::lag::Lags;
use super::layout::Layout;
use super::open::Opened;
use super::phases::Phases;
use super::watcher::{self, Servers};
use crate::duplex::{Base, Both, Duplex, Sweep};
use crate::handle::Command;
use crate::options::Options;
use crate::pipeline::{Identity, Outgoing};
use crate::plan::Kinds;
use crate::routes::Routes;
use crate::seed;
use crate::settings::{Settings, Side};
use crate::side::{Link, SideEvent};
use crate::status::{Status, Waiting};

/// Between two looks at everything that time brings.
const TICK: Duration = Duration::from_millis(20);
/// Events taken at once, before requests are sent.
const BURST: usize = 256;
/// Between two checkpoints when there is nothing to write.
const MARK_PAUSE: u64 = 1_000_000;

/// One side.
pub(super) struct End {
    pub(super) link: Link,
    pub(super) up: bool,
    /// Why there is no link.
    pub(super) cause: Option<String>,
    /// The leader had no history of what was missed, and sent all of its data.
    pub(super) gap: bool,
    pub(super) claim: Claim,
    pub(super) claim_again: u64,
    pub(super) marked: u64,
    pub(super) lags: Lags,
    /// How long it takes to commit a request.
    pub(super) answers: Lags,
    pub(super) servers: watch::Receiver<Servers>,
    pub(super) digest: Option<bool>,
    pub(super) digest_at: u64,
    pub(super) touched: u64,
}

/// What it is now.
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
    pub(super) sweep: Option<Sweep>,
    pub(super) sweep_begun: u64,
    pub(super) sweep_due: u64,
    /// Until when a walk's end waits for nodes of which something is on its way.
    pub(super) busy_until: Option<u64>,
    /// The last units, by side, when a walk that repaired something ended.
    pub(super) repaired: [u64; 2],
    /// When a walk last found nothing.
    pub(super) verified: Option<u64>,
    /// Whether a walk has found nothing since this engine became active.
    pub(super) settled: bool,
    pub(super) base: Option<Base>,
    pub(super) repairs: f64,
    /// The target is to be filled by file before it is started; and what was written.
    pub(super) to_seed: bool,
    pub(super) seeded: Option<seed::Seeded>,
    /// Nodes that a side does not take, by A's names, and the code that it gives.
    pub(super) unwritable: BTreeMap<String, i32>,
    pub(super) retry_refused: u64,
    pub(super) errors: u64,
    pub(super) log: ConflictLog,
    pub(super) waiters: Waiters,
    pub(super) rates: super::report::Rates,
    pub(super) filling: Filling,
    pub(super) phases: Phases,
    status: watch::Sender<Arc<Status>>,
    published: u64,
    commands: mpsc::Receiver<Command>,
}

impl Driver {
    pub(super) fn new(
        options: Options,
        routes: Routes,
        opened: Opened,
        phases: Phases,
        status: watch::Sender<Arc<Status>>,
        commands: mpsc::Receiver<Command>,
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
        let timeout = i32::try_from(options.lease_timeout.as_millis()).unwrap_or(i32::MAX);
        let end = |side: Side, link: Link| {
            let endpoint = options.endpoint(side);
            let servers = endpoint.servers.iter().map(|server| server.client()).collect();
            End {
                link,
                up: false,
                cause: None,
                gap: false,
                claim: Claim::new(run.clone(), layout.clone(), timeout, side == Side::B, tag),
                claim_again: 0,
                marked: 0,
                lags: Lags::default(),
                answers: Lags::default(),
                servers: watcher::watch(servers, &endpoint.security.connection()),
                digest: None,
                digest_at: 0,
                touched: u64::MAX,
            }
        };
        let (a, b) = (end(Side::A, opened.a), end(Side::B, opened.b));
        Ok(Self {
            duplex: Duplex::new(&settings, routes, identity.clone(), identity),
            a,
            b,
            layout,
            run,
            begun: Instant::now(),
            role: Role::Connecting,
            failed: None,
            sweep: None,
            sweep_begun: 0,
            sweep_due: 0,
            busy_until: None,
            repaired: [0; 2],
            verified: None,
            settled: false,
            base: None,
            repairs: 0.0,
            to_seed: opened.seed,
            seeded: None,
            unwritable: BTreeMap::new(),
            retry_refused: 0,
            errors: 0,
            log,
            waiters: Waiters::default(),
            rates: super::report::Rates::default(),
            filling: Filling::default(),
            phases,
            status,
            published: 0,
            commands,
            settings,
            options,
        })
    }

    pub(super) async fn run(mut self) -> Result<(), Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                event = self.a.link.next() => self.event(Side::A, event)?,
                event = self.b.link.next() => self.event(Side::B, event)?,
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.role = Role::Stopping,
                },
                _ = tick.tick() => self.tick().await?,
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
            // The links' own tasks may wait on this thread.
            tokio::task::yield_now().await;
        }
    }

    /// Microseconds since it began; never 0, which means that something is not measured.
    pub(super) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> u64 {
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

    fn event(&mut self, side: Side, event: Result<SideEvent, crate::side::Error>) -> Result<(), Error> {
        let event = match event {
            Ok(event) => event,
            // The link goes on by itself once the cause is mended.
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
                    let news = self.duplex.dirty(side, &path, both(&self.a, &self.b));
                    self.news(news, arrived);
                }
            }
            SideEvent::Snapshot { .. } => {
                if self.role != Role::Connecting {
                    tracing::info!(%side, "the leader sent all of its data again; both sides are compared");
                    if self.role == Role::Active && self.duplex.away_from(Side::A).is_complete() {
                        // Of an earlier gap, or of the takeover, if no walk has come to an end since.
                        self.base = self.base.or_else(|| Some(self.base_as_seen()));
                    }
                    self.duplex.away_from_mut(side).set_incomplete();
                    self.end_mut(side).gap = true;
                    self.look_again();
                }
            }
            SideEvent::UpToDate => self.linked(side),
            SideEvent::Synced => self.waiters.synced(side, self.end(side).link.tree().last_zxid()),
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

    /// What the leader's digest says of our tree.
    fn checked(&mut self, side: Side, check: Check, now: u64) {
        let end = self.end_mut(side);
        match check {
            Check::Compared(DigestCheck::Equal) => (end.digest, end.digest_at) = (Some(true), now),
            Check::Compared(DigestCheck::Different { expected, found }) => {
                tracing::error!(%side, expected, found, "our tree is not the leader's; it is taken anew");
                end.digest = Some(false);
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
        let own = self.end(side).claim.session;
        if own != 0 {
            if !self.end(side).link.tree().sessions().contains_key(&own) {
                return self.disowned(side);
            }
            // A leader takes the link that opened a session for its owner, until another one says that it speaks for it.
            let lease = i32::try_from(self.options.lease_timeout.as_millis()).unwrap_or(i32::MAX);
            let _ = self.end(side).link.requests().revalidate(own, lease);
        }
        // A server of 3.5 that was started again may have forgotten creates in a node's counter, and leads now.
        self.sweep_due = 0;
        let news = self.duplex.up(side, both(&self.a, &self.b));
        let now = self.now();
        self.news(news, now);
    }

    /// What both sides can hold, once both links have been up.
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

    pub(super) fn send(&self, side: Side, out: Outgoing) {
        let requests = self.end(side).link.requests();
        if out.take_over {
            let _ = requests.revalidate(out.session, 30_000);
        }
        // Without a link it is lost, which the next event says.
        let _ = requests.send(out.session, out.cxid, &out.request);
    }

    async fn tick(&mut self) -> Result<(), Error> {
        if self.to_seed && self.a.up {
            self.seed()?;
        }
        if self.role == Role::Connecting && self.a.up && self.b.up {
            let span = tracing::info_span!(parent: &self.phases.span(), "join");
            self.join().instrument(span).await?;
        }
        let now = self.now();
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
        if self.role == Role::Active && !self.settled {
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

pub(super) fn both<'e>(a: &'e End, b: &'e End) -> Both<'e> {
    Both {
        a: a.link.tree(),
        b: b.link.tree(),
    }
}

/// Unique for each process, readable for people.
fn new_run() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}-{}-{}", host.trim(), std::process::id(), &random[..8])
}

/// First byte of the numbers of this engine's requests: the highest bit, and something of its name.
fn tag(name: &str) -> u8 {
    (crc32fast::hash(name.as_bytes()) & 0x7f) as u8 | 0x80
}

/// An id that no server gives out and no other engine has.
pub(super) fn new_session() -> i64 {
    let random = uuid::Uuid::new_v4().as_u64_pair().0 & 0xffff_ffff_ffff;
    crate::duplex::ENGINE_PREFIX << 48 | random.cast_signed()
}
