//! From the source's transactions to requests to the target and back: pure, so that every order of events can be tried.
//!
//! ```text
//! source's transaction -> unit of work (planned against the view) -> requests, a few in flight -> answers in the
//! target's stream -> done
//! ```
//!
//! A refused request means that the target is not what the plan took it for. All that is in flight behind it fails with
//! it (see [`crate::checkpoint`]); what is left is planned again from the target's tree, in the same order. The same
//! happens when the link to the target was lost.

mod batch;
mod flow;
mod foreign;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesolith_zk::record::{Op, Txn, TxnHeader, Zxid};
use mesolith_zk::request::Request;
use mesolith_zk::tree::Tree;

use crate::Scope;
use crate::plan::{Overlay, Step, View, repair, replay};

pub use foreign::Conflict;

/// The two trees, both as of the last event seen.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    /// The source's.
    pub source: &'a Tree,
    /// The target's.
    pub target: &'a Tree,
}

/// Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most changes in one request.
    pub batch: usize,
    /// Most bytes in one request; servers refuse more than a megabyte.
    pub bytes: usize,
    /// Most requests that wait for an answer.
    pub in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 200,
            bytes: 800 << 10,
            in_flight: 2,
        }
    }
}

/// Where a unit of work comes from, so that it can be planned again.
#[derive(Debug)]
enum Origin {
    Replay(Txn),
    Repair(Box<str>),
}

/// What one transaction of the source, or one difference, asks for.
#[derive(Debug)]
struct Unit {
    number: u64,
    zxid: Zxid,
    /// When it was seen, in microseconds of the caller's clock.
    at: u64,
    origin: Origin,
    steps: Vec<Step>,
    /// How many of them were sent.
    sent: usize,
}

/// A request on its way.
#[derive(Debug)]
struct Sent {
    session: i64,
    cxid: i32,
    /// Units up to this one are done once it is answered.
    through: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Ends with the checkpoint.
    Multi,
    /// Sets the ACL of a node, which no multi takes.
    Acl(Box<str>),
    /// Opens or closes a session.
    Session,
    /// Shuts out what was sent through the link before.
    Claim,
    /// Asks whether a session's client has moved to the target.
    Probe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// No link to the target, or it is not up to date.
    Down,
    /// After a new link: what is on its way from before must be shut out first.
    Claiming,
    /// Something was refused; waiting for the answers to what was sent behind it.
    Draining,
    Running,
    /// Another engine has taken over.
    Fenced,
}

/// A request to send to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// In whose name.
    pub session: i64,
    /// Number that the answer will have.
    pub cxid: i32,
    /// What.
    pub request: Request,
}

/// What has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes written to the target.
    pub writes: u64,
    /// Bytes of data in them.
    pub bytes: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests that the target refused.
    pub refused: u64,
    /// Conflicts found.
    pub conflicts: u64,
}

/// Something the caller should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Units seen at this time are in the target.
    Applied {
        /// When the source's transaction was seen.
        seen: u64,
    },
    /// Somebody else changed the target.
    Conflict(Conflict),
    /// The client of a session lives on the target now.
    Moved {
        /// The session.
        session: i64,
    },
    /// Another engine has taken over: nothing can be written any more.
    Fenced {
        /// Its run.
        by: String,
    },
}

/// One direction of replication.
#[derive(Debug)]
pub struct Pipeline {
    scope: Scope,
    limits: Limits,
    run: String,
    /// The engine's own session on the target.
    session: i64,
    path: String,
    flow: Flow,
    paused: bool,
    units: VecDeque<Unit>,
    /// The first unit that is not sent as a whole.
    next: usize,
    number: u64,
    sent: VecDeque<Sent>,
    /// Sent behind a refused one and bound to fail with it; once all are answered, their units are planned again.
    void: BTreeSet<(i64, i32)>,
    /// Unanswered when a link was lost: answered late or never.
    lost: BTreeSet<(i64, i32)>,
    /// How many of them may still come through.
    at_large: usize,
    /// The unit that the checkpoint says.
    base: u64,
    overlay: Overlay,
    cxid: i32,
    /// Version of the checkpoint once everything in flight is done.
    version: i32,
    /// Position seen of the source, position that the target has, and position that the checkpoint says.
    seen: Zxid,
    applied: Zxid,
    marked: Zxid,
    mirrored: BTreeMap<i64, i32>,
    counters: Counters,
}

impl Pipeline {
    /// For an engine that has claimed the checkpoint at `path` for its `run` and opened its session.
    pub fn new(scope: Scope, limits: Limits, run: String, session: i64, path: String) -> Self {
        Self {
            scope,
            limits,
            run,
            session,
            path,
            flow: Flow::Down,
            paused: false,
            units: VecDeque::new(),
            next: 0,
            number: 0,
            sent: VecDeque::new(),
            void: BTreeSet::new(),
            lost: BTreeSet::new(),
            at_large: 0,
            base: 0,
            overlay: Overlay::default(),
            cxid: 0,
            version: 0,
            seen: Zxid(0),
            applied: Zxid(0),
            marked: Zxid(0),
            mirrored: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// A transaction of the source was committed, and is in its tree.
    pub fn replay(&mut self, txn: Txn, trees: Trees<'_>, at: u64) {
        self.seen = txn.header.zxid;
        self.add(Origin::Replay(txn), trees, at);
    }

    /// A node may differ.
    pub fn repair(&mut self, path: Box<str>, trees: Trees<'_>, at: u64) {
        self.seen = trees.source.last_zxid();
        self.add(Origin::Repair(path), trees, at);
    }

    /// The source's sessions have to live on the target before their nodes can.
    pub fn begin(&mut self, trees: Trees<'_>, at: u64) {
        self.seen = trees.source.last_zxid();
        for (session, timeout) in trees.source.sessions() {
            self.mirrored.insert(*session, *timeout);
            if !trees.target.sessions().contains_key(session) {
                self.open(*session, *timeout, trees, at);
            }
        }
    }

    fn open(&mut self, session: i64, timeout: i32, trees: Trees<'_>, at: u64) {
        let header = TxnHeader {
            session,
            zxid: self.seen,
            ..TxnHeader::default()
        };
        let op = Op::CreateSession { timeout };
        let digest = None;
        self.add(Origin::Replay(Txn { header, op, digest }), trees, at);
    }

    fn add(&mut self, origin: Origin, trees: Trees<'_>, at: u64) {
        let number = self.number + 1;
        let steps = plan(&origin, trees, &mut self.overlay, number, &self.scope);
        if steps.is_empty() {
            return;
        }
        self.number = number;
        self.units.push_back(Unit {
            number,
            zxid: self.seen,
            at,
            origin,
            steps,
            sent: 0,
        });
    }

    /// Sessions that pings have to keep alive on the target: the mirrored ones whose client has not moved, and our own.
    pub fn touched(&self) -> BTreeMap<i64, i32> {
        let mut touched = self.mirrored.clone();
        touched.insert(self.session, OWN_TIMEOUT);
        touched
    }

    /// Stops and resumes sending; what is in flight is finished.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Units that are not in the target yet.
    pub fn pending(&self) -> usize {
        self.units.len()
    }

    /// Whether everything seen of the source is in the target.
    pub fn is_idle(&self) -> bool {
        self.units.is_empty() && self.sent.is_empty()
    }

    /// Last position of the source that the target has.
    pub fn applied(&self) -> Zxid {
        if self.is_idle() { self.seen } else { self.applied }
    }

    /// What has been done.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What is replicated.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// Timeout of the engine's own session on the target, in milliseconds.
pub const OWN_TIMEOUT: i32 = 30_000;

fn plan(origin: &Origin, trees: Trees<'_>, overlay: &mut Overlay, unit: u64, scope: &Scope) -> Vec<Step> {
    let mut view = View::new(trees.target, overlay, unit);
    match origin {
        Origin::Replay(txn) => replay(txn, trees.source, &mut view, scope),
        Origin::Repair(path) => repair(path, trees.source, &mut view),
    }
}

impl Unit {
    /// A transaction of the source is one of the target's too; a repair may come in parts.
    fn is_atomic(&self) -> bool {
        matches!(self.origin, Origin::Replay(_))
    }
}
