//! One direction of replication, from the source's transactions to requests to the target and back: pure, so that every
//! order of events can be tried.
//!
//! ```text
//! source's transaction -> unit of work (planned against the view) -> requests, a few in flight -> answers in the
//! target's stream -> done
//! ```
//!
//! A refused request means that the target is not what the plan took it for. All that is in flight behind it fails with
//! it (see [`crate::checkpoint`]); what is left is planned again from the target's tree, in the same order. The same
//! happens when the link to the target was lost.
//!
//! - `batch`: which request comes next; `pace`: how many may be on their way.
//! - `answers`: what an answer means; `refusals`: what to do about a refused one.
//! - `links`: what a lost link, a new one, another engine's checkpoint do.

mod answers;
mod batch;
mod links;
pub(crate) mod ops;
mod pace;
mod refusals;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mesolith_zk::record::{Txn, Zxid};
use mesolith_zk::request::Request;
use mesolith_zk::tree::Tree;

use crate::plan::{Common, Held, Overlay, Source, Step, View, repair, replay};
use crate::routes::Routes;
use crate::settings::Side;
use ops::{node_of, parts};
use pace::Pace;

/// The two trees, both as of the last event seen, as one direction looks at them.
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
    /// Requests that wait for an answer at the same time on a short link.
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

/// Who writes, as the target knows it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// This run of the engine.
    pub run: String,
    /// The engine's own session on the target.
    pub session: i64,
    /// Path of its checkpoint there.
    pub path: String,
    /// First byte of the `cxid` of every request of this engine, in any run; its highest bit is set.
    pub tag: u8,
}

/// Where a unit of work comes from, so that it can be planned again.
#[derive(Debug)]
enum Origin {
    Replay(Box<Txn>),
    Repair(Box<str>),
    /// It turned out not to be wanted.
    Nothing,
}

/// What one transaction of the source, or one difference, asks for.
#[derive(Debug)]
struct Unit {
    number: u64,
    zxid: Zxid,
    /// When it was seen, in microseconds of the caller's clock; 0 for what is not measured.
    at: u64,
    origin: Origin,
    /// Nodes of it that lost a conflict, by the target's names.
    skip: Vec<Box<str>>,
    steps: Vec<Step>,
    /// How many of them were sent.
    sent: usize,
}

/// A request on its way.
#[derive(Debug)]
struct Sent {
    session: i64,
    cxid: i32,
    /// Where its writes begin: unit, step.
    first: (u64, usize),
    /// Units up to this one are done once it is answered.
    through: u64,
    what: What,
    at: u64,
    /// From here to its answer, in a trace.
    span: tracing::Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Ends with the checkpoint.
    Multi,
    /// Sets the ACL of a node, which no multi takes.
    Acl,
    /// Opens a session.
    Open,
    /// Shuts out what was sent through the link before.
    Claim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Another engine works, or none yet: units are gathered and dropped as its checkpoint passes them.
    Standby,
    /// No link to the target, or it is not up to date.
    Down,
    /// After a new link: what is on its way from before must be shut out first.
    Claiming,
    /// Something was refused; waiting for the answers to what was sent behind it.
    Draining,
    Running,
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
    /// The leader must be told first that this link speaks for the session, whose client had moved.
    pub take_over: bool,
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
}

/// Something the caller should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Units seen at this time are in the target.
    Applied {
        /// When the source's transaction was seen.
        seen: u64,
    },
    /// The target has committed a request.
    Answered {
        /// When it was sent.
        sent: u64,
    },
    /// The client of a session lives on the target now.
    Moved {
        /// The session.
        session: i64,
    },
    /// The target does not take a change of a node, which is left alone from now on.
    Unwritable {
        /// The node, by the target's name.
        path: Box<str>,
        /// The servers' error code.
        code: i32,
    },
    /// The target does not know such entries or such nodes, which are left out or made to fit from now on.
    Narrowed {
        /// What, in words.
        what: String,
    },
    /// A change that had lost a conflict reached the target all the same.
    Overtaken {
        /// The node, by the target's name.
        path: Box<str>,
    },
    /// Another engine has taken over: nothing can be written any more.
    Fenced {
        /// Its run.
        by: String,
    },
    /// The engine's own session on the target is over, or the leader takes another link for its owner.
    Disowned,
}

/// One direction of replication.
#[derive(Debug)]
pub struct Pipeline {
    from: Side,
    routes: Arc<Routes>,
    limits: Limits,
    me: Identity,
    flow: Flow,
    paused: bool,
    units: VecDeque<Unit>,
    /// The first unit that is not sent as a whole.
    next: usize,
    number: u64,
    sent: VecDeque<Sent>,
    /// Outside the order: sessions that end.
    aside: VecDeque<Outgoing>,
    /// Sent behind a refused one and bound to fail with it; once all are answered, their units are planned again.
    void: BTreeSet<(i64, i32)>,
    /// Unanswered when a link was lost: answered late or never.
    lost: BTreeSet<(i64, i32)>,
    /// How many of them may still come through.
    at_large: usize,
    /// The unit that the checkpoint says.
    base: u64,
    overlay: Overlay,
    held: Held,
    /// What both sides can hold.
    common: Arc<Common>,
    current: BTreeMap<Box<str>, Zxid>,
    /// Sessions whose clients moved while nodes of theirs were on their way.
    contested: BTreeSet<i64>,
    /// Sessions whose clients are connected to the target, if its servers say.
    connected: Option<BTreeSet<i64>>,
    /// Nodes whose lists were on their way when the order broke: no checkpoint says whether they arrived.
    unsure: Vec<Box<str>>,
    cxid: u32,
    /// Version of the checkpoint once everything in flight is done.
    version: i32,
    /// Last position of the source that is this engine's own.
    written: Zxid,
    /// Position seen of the source, position that the target has, and position that the checkpoint says.
    seen: Zxid,
    applied: Zxid,
    marked: Zxid,
    /// Position that the checkpoint said when this engine's turn began, or the other engine's says now.
    reached: Zxid,
    /// Whether the target was filled once, as the checkpoint says.
    complete: bool,
    pace: Pace,
    /// Refusals since the last success, and when to try again.
    refusals: u32,
    not_before: u64,
    counters: Counters,
}

impl Pipeline {
    /// Away from a side, for an engine that does not work yet.
    pub fn new(from: Side, routes: Arc<Routes>, limits: Limits, me: Identity) -> Self {
        Self {
            from,
            routes,
            limits,
            me,
            flow: Flow::Standby,
            paused: false,
            units: VecDeque::new(),
            next: 0,
            number: 0,
            sent: VecDeque::new(),
            aside: VecDeque::new(),
            void: BTreeSet::new(),
            lost: BTreeSet::new(),
            at_large: 0,
            base: 0,
            overlay: Overlay::default(),
            held: Held::default(),
            common: Arc::default(),
            current: BTreeMap::new(),
            contested: BTreeSet::new(),
            connected: None,
            unsure: Vec::new(),
            cxid: 0,
            version: 0,
            written: Zxid(0),
            seen: Zxid(0),
            applied: Zxid(0),
            marked: Zxid(0),
            reached: Zxid(0),
            complete: false,
            pace: Pace::default(),
            refusals: 0,
            not_before: 0,
            counters: Counters::default(),
        }
    }

    /// A transaction of the source was committed, and is in its tree. `skip`: nodes that are not to be carried, by the
    /// target's names.
    pub fn replay(&mut self, txn: Txn, skip: Vec<Box<str>>, trees: Trees<'_>, at: u64) {
        let zxid = txn.header.zxid;
        self.seen = self.seen.max(zxid);
        // Another engine was faster than this one's link to the source.
        if zxid > self.reached {
            self.add(Origin::Replay(Box::new(txn)), zxid, skip, trees, at);
        }
    }

    /// As if the source had said it just now.
    pub fn also(&mut self, txn: Txn, trees: Trees<'_>) {
        let zxid = txn.header.zxid;
        self.add(Origin::Replay(Box::new(txn)), zxid, Vec::new(), trees, 0);
    }

    /// A node of the target, by its name there, may differ.
    pub fn repair(&mut self, path: Box<str>, trees: Trees<'_>) {
        let zxid = trees.source.last_zxid();
        self.seen = self.seen.max(zxid);
        self.add(Origin::Repair(path), zxid, Vec::new(), trees, 0);
    }

    /// The source went on with nothing to carry.
    pub fn saw(&mut self, zxid: Zxid) {
        self.seen = self.seen.max(zxid);
    }

    /// The source went on by a checkpoint of this engine's. None is due for it here.
    pub fn wrote(&mut self, zxid: Zxid) {
        self.written = self.written.max(zxid);
    }

    fn add(&mut self, origin: Origin, zxid: Zxid, skip: Vec<Box<str>>, trees: Trees<'_>, at: u64) {
        let mut unit = Unit {
            number: self.number + 1,
            zxid,
            at,
            origin,
            skip,
            steps: Vec::new(),
            sent: 0,
        };
        // What another engine writes, or what waits for a link, is planned when it is this one's turn.
        if !matches!(self.flow, Flow::Standby | Flow::Down) {
            self.plan(&mut unit, trees);
            if unit.steps.is_empty() {
                return;
            }
        } else {
            for (path, goes) in unit.nodes(&self.routes, self.from) {
                self.overlay.note(unit.number, &path, goes);
            }
        }
        self.number += 1;
        self.units.push_back(unit);
    }

    fn plan(&mut self, unit: &mut Unit, trees: Trees<'_>) {
        let mut view = View {
            source: Source {
                tree: trees.source,
                routes: &self.routes,
                side: self.from,
            },
            target: trees.target,
            held: &self.held,
            common: &self.common,
            current: &mut self.current,
            overlay: &mut self.overlay,
            unit: unit.number,
            zxid: unit.zxid,
        };
        unit.sent = 0;
        unit.steps = match &unit.origin {
            Origin::Replay(txn) => replay(txn, &unit.skip, &mut view),
            Origin::Repair(path) => repair(path, &mut view),
            Origin::Nothing => Vec::new(),
        };
    }

    /// Stops and resumes sending; what is in flight is finished.
    pub fn pause(&mut self, paused: bool) {
        if self.paused && !paused {
            // The time of the pause is no lag.
            self.units.iter_mut().for_each(|unit| unit.at = 0);
        }
        self.paused = paused;
    }

    /// The target has been filled; the next checkpoint says so.
    pub fn set_complete(&mut self) {
        if !self.complete {
            self.complete = true;
            // So that a checkpoint is written although nothing has happened.
            self.marked = Zxid(0);
        }
    }

    /// There is a gap in what was seen of the source: the target lacks what the checkpoint's position promises, until both
    /// trees were compared.
    pub fn set_incomplete(&mut self) {
        self.complete = false;
        self.marked = Zxid(0);
    }

    /// Whether the target was filled once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Sessions whose clients are connected to the target; none if its servers do not say.
    pub fn set_connected(&mut self, connected: Option<BTreeSet<i64>>) {
        self.connected = connected;
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Other routes from now on; what is pending keeps its plan.
    pub fn set_routes(&mut self, routes: Arc<Routes>) {
        self.routes = routes;
    }

    /// What both sides can hold from now on; what is pending keeps its plan.
    pub fn set_common(&mut self, common: Arc<Common>) {
        self.common = common;
    }

    /// What both sides can hold, as this direction knows it.
    pub fn common(&self) -> &Arc<Common> {
        &self.common
    }

    /// Leaves a subtree alone, by the target's name, and drops what is pending for it.
    pub fn hold(&mut self, path: &str) {
        self.held.hold(path);
        self.supersede(path);
    }

    /// Writes it again from now on.
    pub fn release(&mut self, path: &str) -> bool {
        self.held.release(path)
    }

    /// What is left alone.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Whether something pending touches a node of the target, see [`Overlay::collides`].
    pub fn collides(&self, path: &str, goes: bool) -> bool {
        self.overlay.collides(path, goes)
    }

    /// When the source made the pending change that touches a node of the target, in milliseconds since 1970.
    pub fn pending_time(&self, path: &str) -> Option<i64> {
        self.units.iter().rev().find_map(|unit| match &unit.origin {
            Origin::Replay(txn)
                if unit
                    .nodes(&self.routes, self.from)
                    .iter()
                    .any(|(node, _)| **node == *path) =>
            {
                Some(txn.header.time)
            }
            _ => None,
        })
    }

    /// Pending changes of a node, or below it, lost a conflict: they are not planned again, and said if they come through.
    pub fn supersede(&mut self, path: &str) {
        for unit in &mut self.units {
            let mut lost: Vec<Box<str>> = Vec::new();
            for (node, _) in unit.nodes(&self.routes, self.from) {
                if crate::routes::is_below(&node, path)
                    && !unit.skip.iter().chain(&lost).any(|skipped| *skipped == node)
                {
                    lost.push(node);
                }
            }
            unit.skip.append(&mut lost);
            if unit.sent == 0 {
                let skip = &unit.skip;
                unit.steps.retain(|step| match step {
                    Step::Write { write, .. } => !skip.iter().any(|skipped| **skipped == *write.path()),
                    Step::Open { .. } | Step::Close { .. } => true,
                });
            }
        }
    }

    /// Units that are not in the target yet.
    pub fn pending(&self) -> usize {
        self.units.len()
    }

    /// Number of the last unit, for [`Pipeline::is_done`].
    pub fn last_unit(&self) -> u64 {
        self.number
    }

    /// Whether a unit and all before it are in the target.
    pub fn is_done(&self, unit: u64) -> bool {
        self.units.front().is_none_or(|first| first.number > unit)
    }

    /// Whether everything seen of the source is in the target.
    pub fn is_idle(&self) -> bool {
        self.units.is_empty() && self.sent.is_empty()
    }

    /// Whether it may write.
    pub fn is_running(&self) -> bool {
        self.flow == Flow::Running
    }

    /// Last position of the source that the target has.
    pub fn applied(&self) -> Zxid {
        if self.is_idle() {
            self.passed()
        } else {
            self.applied
        }
    }

    /// Last position seen of the source.
    pub fn seen(&self) -> Zxid {
        self.seen
    }

    /// Last position of the source that was looked at, the engine's own writes there included.
    pub fn passed(&self) -> Zxid {
        self.seen.max(self.written)
    }

    /// What has been done.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Who writes.
    pub fn identity(&self) -> &Identity {
        &self.me
    }

    /// Whether a `cxid` is one of this engine's, in this run or an earlier one.
    pub fn is_own(&self, cxid: i32) -> bool {
        cxid.to_be_bytes()[0] == self.me.tag
    }
}

impl Unit {
    /// A transaction of the source is one of the target's too; a repair may come in parts.
    fn is_atomic(&self) -> bool {
        matches!(self.origin, Origin::Replay(_))
    }

    /// Nodes of the target that it changes, planned or not, and whether they go.
    fn nodes(&self, routes: &Routes, from: Side) -> Vec<(Box<str>, bool)> {
        match &self.origin {
            Origin::Replay(txn) => {
                let nodes = parts(&txn.op).iter().filter_map(node_of);
                nodes
                    .filter_map(|(path, goes)| Some((routes.carried(from, path)?.as_ref().into(), goes)))
                    .collect()
            }
            Origin::Repair(path) => vec![(path.clone(), false)],
            Origin::Nothing => Vec::new(),
        }
    }
}
