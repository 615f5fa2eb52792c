//! Both directions together: where each change goes, and who wins when two changes meet. Pure.
//!
//! The transactions of both sides come in here. One that the engine itself has written is the answer to a request of
//! the direction into this side. One of a client is carried to the other side or undone, as its route and the
//! conflict strategy say.
//!
//! ```text
//!            +-- engine's own ----> answer for the pipeline into this side
//! commit ----+-- session ---------> begins, ends, has moved: `sessions`
//!            +-- client's change -> carried by the pipeline away from this side
//!                                   or met a change that is on its way: `conflict`
//!                                   or made where only the other side writes: `conflict`
//! ```

mod arrival;
mod base;
mod commits;
mod compare;
mod conflict;
mod owed;
mod refused;
mod rivals;
mod rounds;
mod sessions;
#[cfg(test)]
mod simulation;
mod sweep;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesolith_zk::record::Zxid;
use mesolith_zk::tree::Tree;

use crate::pipeline::{Identity, Limits, Notice, Outgoing, Pipeline, Trees};
use crate::plan::{Common, Kinds};
use crate::routes::Routes;
use crate::settings::{Settings, Side, Strategy};

pub use arrival::Arrival;
pub use base::{Base, Since};
use compare::Look;
pub use conflict::Conflict;
pub use refused::NotTaken;
pub use rounds::{Rounds, Walked};
pub(crate) use sessions::ENGINE_PREFIX;
pub use sessions::{Sessions, is_engine};
pub use sweep::Sweep;
use written::Writers;

/// Both trees, as of the last event seen.
#[derive(Debug, Clone, Copy)]
pub struct Both<'a> {
    /// A's tree.
    pub a: &'a Tree,
    /// B's tree.
    pub b: &'a Tree,
}

impl<'a> Both<'a> {
    /// The tree of a side.
    pub fn of(self, side: Side) -> &'a Tree {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    /// Both trees, seen from the direction away from a side.
    pub fn from(self, side: Side) -> Trees<'a> {
        Trees {
            source: self.of(side),
            target: self.of(side.other()),
        }
    }
}

/// Something the driver should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A notice of the direction away from a side.
    Of(Side, Notice),
    /// Two changes have met. The conflict must be logged before anything is sent.
    Conflict(Box<Conflict>),
    /// A path is frozen from now on; it is given by A's name.
    Frozen(String),
}

/// Both directions, and what they share.
#[derive(Debug)]
pub struct Duplex {
    routes: Arc<Routes>,
    strategy: Strategy,
    away_from_a: Pipeline,
    away_from_b: Pipeline,
    sessions: Sessions,
    writers: Writers,
    frozen: BTreeSet<String>,
    owed: owed::Owed,
    /// Nodes that a side has removed by its own clock, by the time when the other side should have done the same:
    /// `(from, path on the other side)`.
    later: BTreeMap<u64, Vec<(Side, Box<str>)>>,
    /// Places of nodes on A and B that are equal and do not share memory yet.
    alike: Vec<(usize, usize)>,
    conflicts: u64,
    /// When changes that had to wait after refusals are tried next.
    changed_due: u64,
}

/// How long, in microseconds, a container or TTL node may stay on one side after the other side has removed it. Each
/// side removes such nodes by its own clock, once a minute.
const REMOVAL: u64 = 150_000_000;
/// Longest time, in microseconds, until a node is looked at that was changed while something is on its way.
const SOON: u64 = 1_000_000;

impl Duplex {
    /// For an engine that is not active yet. `a` and `b` say who writes on each side.
    pub fn new(settings: &Settings, routes: Routes, a: Identity, b: Identity) -> Self {
        let routes = Arc::new(routes);
        let limits = limits(settings);
        Self {
            strategy: settings.conflict_resolution,
            away_from_a: Pipeline::new(Side::A, Arc::clone(&routes), limits, b),
            away_from_b: Pipeline::new(Side::B, Arc::clone(&routes), limits, a),
            routes,
            sessions: Sessions::default(),
            writers: Writers::default(),
            frozen: BTreeSet::new(),
            owed: owed::Owed::default(),
            later: BTreeMap::new(),
            alike: Vec::new(),
            conflicts: 0,
            changed_due: 0,
        }
    }

    /// Follows other settings from now on.
    pub fn configure(&mut self, settings: &Settings, routes: Routes) {
        self.routes = Arc::new(routes);
        self.strategy = settings.conflict_resolution;
        let routes = Arc::clone(&self.routes);
        for side in [Side::A, Side::B] {
            let pipe = self.away_from_mut(side);
            pipe.set_routes(Arc::clone(&routes));
            pipe.set_limits(limits(settings));
        }
    }

    /// Notes what the servers' versions and the kinds of link allow. False if nothing has changed.
    pub fn set_versions(&mut self, kinds: Kinds, veiled: bool) -> bool {
        let common = Common::clone(self.common()).with(kinds, veiled);
        let is_new = common != **self.common();
        self.set_common(Arc::new(common));
        is_new
    }

    /// What both sides can hold.
    pub fn common(&self) -> &Arc<Common> {
        self.away_from_a.common()
    }

    fn set_common(&mut self, common: Arc<Common>) {
        self.away_from_a.set_common(Arc::clone(&common));
        self.away_from_b.set_common(common);
    }

    /// The direction away from a side.
    pub fn away_from(&self, side: Side) -> &Pipeline {
        match side {
            Side::A => &self.away_from_a,
            Side::B => &self.away_from_b,
        }
    }

    /// The direction away from a side, to change it.
    pub fn away_from_mut(&mut self, side: Side) -> &mut Pipeline {
        match side {
            Side::A => &mut self.away_from_a,
            Side::B => &mut self.away_from_b,
        }
    }

    /// The direction into a side.
    fn towards_mut(&mut self, side: Side) -> &mut Pipeline {
        self.away_from_mut(side.other())
    }

    /// Whether the engine has to be able to write to A.
    pub fn needs_a(&self) -> bool {
        self.routes.any_from(Side::B)
            || self.strategy != Strategy::SourceWins
            || self.sessions.any_moved(Side::B)
    }

    /// What is kept equal.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Where the clients of all sessions live.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The same, to record what was learned elsewhere.
    pub fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// From this position on, every transaction of a side is given to [`Self::committed`].
    pub fn see_since(&mut self, side: Side, position: Zxid) {
        self.writers.see_since(side, position);
    }

    /// Number of conflicts so far.
    pub fn conflicts(&self) -> u64 {
        self.conflicts
    }

    /// Both trees were compared, and nothing was left to repair.
    fn compared(&mut self) {
        self.away_from_a.set_complete();
        self.away_from_b.set_complete();
    }

    /// Takes the places of nodes on A and B that were found equal and could share memory. Each pair is given once.
    pub fn take_alike(&mut self) -> Vec<(usize, usize)> {
        std::mem::take(&mut self.alike)
    }

    /// Frozen paths, by A's names.
    pub fn frozen(&self) -> &BTreeSet<String> {
        &self.frozen
    }

    /// A node of a side was read and may be different from before: what watches say. It was changed there, by whom is not
    /// known.
    pub fn dirty(&mut self, side: Side, path: &str, both: Both<'_>, now: u64) -> Vec<News> {
        let mut news = Vec::new();
        self.seen_changed(side, path, both, now, &mut news);
        news
    }

    /// Looks at the nodes whose time has come.
    pub fn due(&mut self, both: Both<'_>, now: u64) -> Vec<News> {
        let mut news = Vec::new();
        if self.changed_due <= now {
            self.changed_due = now + SOON;
            for from in [Side::A, Side::B] {
                self.away_from_mut(from).try_changed(both.from(from));
                // Where both sides write, the other one follows.
                for path in self.away_from_mut(from).take_counted_twice() {
                    self.owe(from, &path, now);
                }
            }
        }
        self.pay(both, now, &mut news);
        while let Some(entry) = self.later.first_entry()
            && *entry.key() <= now
        {
            for (from, path) in entry.remove() {
                if self.compare(from.other(), &path, both, None, &mut news) == Look::Busy {
                    self.owe(from, &path, now);
                }
            }
        }
        news
    }

    /// Looks at a node again at a given time. `path` is its name on the side that `from` is carried to.
    fn put_off(&mut self, from: Side, path: &str, at: u64) {
        self.later.entry(at).or_default().push((from, path.into()));
    }

    /// The requests to send to a side now.
    pub fn take(&mut self, to: Side, now: u64) -> Vec<Outgoing> {
        self.towards_mut(to).take(now)
    }

    /// Whether nothing waits to be written.
    pub fn is_idle(&self) -> bool {
        self.away_from_a.is_idle() && (self.away_from_b.is_idle() || self.away_from_b.is_standby())
    }

    /// The link to a side is lost.
    pub fn down(&mut self, side: Side) {
        self.towards_mut(side).down();
    }

    /// The link to a side is up to date again.
    pub fn up(&mut self, side: Side, both: Both<'_>) -> Vec<News> {
        let mut common = Common::clone(self.common());
        common.forget();
        self.set_common(Arc::new(common));
        let notices = self.towards_mut(side).up(both.from(side.other()));
        let mut news = Vec::new();
        for notice in notices {
            self.noticed(side.other(), notice, both, &mut news);
        }
        news
    }

    /// Whether the trees allow that this engine begins to write to a side.
    pub fn may_activate(&self, side: Side, both: Both<'_>) -> bool {
        self.away_from(side.other()).may_activate(both.from(side.other()))
    }

    /// This engine has claimed the checkpoint of a side, with a session of its own there.
    pub fn activate(&mut self, side: Side, session: i64, both: Both<'_>) -> Vec<News> {
        let notices = self.towards_mut(side).activate(session, both.from(side.other()));
        let mut news = Vec::new();
        for notice in notices {
            self.noticed(side.other(), notice, both, &mut news);
        }
        news
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        batch: settings.batch_size,
        in_flight: settings.workers,
        ..Limits::default()
    }
}
