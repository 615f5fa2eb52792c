//! One direction of replication: from the source's transactions to requests to the target, and from their answers
//! back. Pure, so that every order of events can be tested.
//!
//! ```text
//! source's transaction -> unit of work (planned against the view) -> requests, a few in flight -> answers in the
//! target's stream -> done
//! ```
//!
//! A refused request means that the target is not what the plan took it for. All requests behind it fail with it (see
//! [`crate::checkpoint`]). What is left is planned again from the target's tree, in the same order. The same happens
//! after the link to the target was lost.
//!
//! - `batch`: which request comes next; `pace`: how many may be on their way.
//! - `answers`: what an answer means; `refusals`: what to do about a refused one; `refused`: when to try it again.
//! - `links`: what a lost link, a new one, another engine's checkpoint do; `gap`: what was not seen.

mod answers;
mod batch;
mod gap;
mod holding;
mod links;
pub(crate) mod ops;
mod outside;
mod pace;
mod refusals;
mod refused;
mod state;
#[cfg(test)]
mod tests;
mod unit;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mesolith_zk::max_buffer;
use mesolith_zk::record::{Txn, Zxid};

use crate::plan::{Common, Held, Overlay, Refused, Source, Step, View, count, repair, replay};
use crate::routes::Routes;
use crate::settings::Side;
use gap::Gap;
pub use outside::{Counters, Identity, Limits, Notice, Outgoing, Trees};
use pace::Pace;
use unit::{Origin, Sent, Unit, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Another engine is active, or none yet. Units are gathered, and dropped once a checkpoint passes them.
    Standby,
    /// There is no link to the target, or it is not up to date.
    Down,
    /// After a new link: requests that are still on their way from before must be shut out first.
    Claiming,
    /// A request was refused; waits for the answers to the requests behind it.
    Draining,
    Running,
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
    /// The first unit that was not sent as a whole.
    next: usize,
    number: u64,
    sent: VecDeque<Sent>,
    /// Requests outside the order: ends of sessions.
    aside: VecDeque<Outgoing>,
    /// Requests behind a refused one, which fail with it. Once all are answered, their units are planned again.
    void: BTreeSet<(i64, i32)>,
    /// Requests without an answer when a link was lost. They are answered late or never.
    lost: BTreeSet<(i64, i32)>,
    /// How many of them may still be carried out.
    at_large: usize,
    /// The unit that the checkpoint names.
    base: u64,
    overlay: Overlay,
    held: Held,
    /// What the target does not take.
    refused: Refused,
    counted_twice: Vec<Box<str>>,
    /// The longest packet that its servers take from clients, in bytes.
    largest: usize,
    /// What both sides can hold.
    common: Arc<Common>,
    current: BTreeMap<Box<str>, Zxid>,
    /// Sessions whose clients moved while their nodes were on their way.
    contested: BTreeSet<i64>,
    /// Sessions whose clients are connected to the target; `None` if its servers do not tell.
    connected: Option<BTreeSet<i64>>,
    /// Nodes whose lists were on their way when the order broke. No checkpoint says whether these lists arrived.
    unsure: Vec<Box<str>>,
    cxid: u32,
    /// Version of the checkpoint after everything on its way is done.
    version: i32,
    /// The last position of the source that belongs to a write of this engine.
    written: Zxid,
    /// Three positions of the source: the last one seen, the last one that the target has, and the one in the
    /// checkpoint.
    seen: Zxid,
    applied: Zxid,
    marked: Zxid,
    /// Position in the checkpoint when this engine became active; while another engine is active, the position in its
    /// checkpoint.
    reached: Zxid,
    /// Shortest timeout, in milliseconds, with which a mirrored session is opened.
    shortest: i32,
    /// Whether the target was filled once, as the checkpoint says.
    complete: bool,
    /// What was not seen of the source, and was not compared since.
    gap: Option<Gap>,
    /// The checkpoint does not say so yet.
    unsaid: bool,
    /// Whether history is being replayed. Then the source's tree is ahead of what was handled.
    catching_up: bool,
    pace: Pace,
    /// Refusals since the last success, and when to try again.
    refusals: u32,
    not_before: u64,
    counters: Counters,
}

impl Pipeline {
    /// The direction away from a side, for an engine that is not active yet.
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
            refused: Refused::default(),
            counted_twice: Vec::new(),
            largest: max_buffer::DEFAULT as usize,
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
            shortest: 0,
            complete: false,
            gap: None,
            unsaid: false,
            catching_up: false,
            pace: Pace::default(),
            refusals: 0,
            not_before: 0,
            counters: Counters::default(),
        }
    }

    /// A transaction of the source was committed and is in its tree. `skip` names nodes that are not carried, by the
    /// target's names.
    pub fn replay(&mut self, txn: Txn, skip: Vec<Box<str>>, trees: Trees<'_>, at: u64) {
        let zxid = txn.header.zxid;
        self.seen = self.seen.max(zxid);
        // Another engine was faster than this one's link to the source.
        if zxid > self.reached {
            self.add(Origin::Replay(Box::new(txn)), zxid, skip, trees, at);
        }
    }

    /// Handles a change as if the source had committed it just now.
    pub fn also(&mut self, txn: Txn, trees: Trees<'_>) {
        let zxid = self.position(trees);
        self.add(Origin::Replay(Box::new(txn)), zxid, Vec::new(), trees, 0);
    }

    /// A node of the target may differ from the source. `path` is its name on the target.
    pub fn repair(&mut self, path: Box<str>, trees: Trees<'_>) {
        let zxid = self.position(trees);
        self.seen = self.seen.max(zxid);
        self.add(Origin::Repair(path), zxid, Vec::new(), trees, 0);
    }

    /// A node of the target, by its name there, may count less creates than the source's.
    pub fn count(&mut self, path: Box<str>, trees: Trees<'_>) {
        let zxid = self.position(trees);
        self.add(Origin::Count(path), zxid, Vec::new(), trees, 0);
    }

    /// Of what comes from the source's tree and not from a transaction. The checkpoint behind it must not promise history
    /// that is still to be replayed.
    fn position(&self, trees: Trees<'_>) -> Zxid {
        if self.catching_up {
            self.seen
        } else {
            trees.source.last_zxid()
        }
    }

    /// The source's position has moved, with nothing to carry.
    pub fn saw(&mut self, zxid: Zxid) {
        self.seen = self.seen.max(zxid);
    }

    /// The source's position has moved by a checkpoint of this engine, which needs no checkpoint here.
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
        // While another engine is active, or without a link, planning waits until it is this engine's turn.
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
        self.come_below(trees);
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
            refused: &mut self.refused,
            largest: self.largest,
            current: &mut self.current,
            overlay: &mut self.overlay,
            unit: unit.number,
            zxid: unit.zxid,
            in_multi: false,
        };
        unit.sent = 0;
        unit.steps = match &unit.origin {
            Origin::Replay(txn) => replay(txn, &unit.skip, &mut view),
            Origin::Repair(path) => repair(path, &mut view),
            Origin::Count(path) => count(path, &mut view),
            Origin::Nothing => Vec::new(),
        };
    }

    /// Pauses and resumes sending. Requests that are on their way are finished.
    pub fn pause(&mut self, paused: bool) {
        if self.paused && !paused {
            // The time of the pause does not count as lag.
            self.units.iter_mut().for_each(|unit| unit.at = 0);
        }
        self.paused = paused;
    }

    /// From now on, transactions from before the source's present tree are replayed, until this is set back.
    pub fn set_catching_up(&mut self, catching_up: bool) {
        self.catching_up = catching_up;
    }

    /// Sessions whose clients are connected to the target; `None` if its servers do not tell.
    pub fn set_connected(&mut self, connected: Option<BTreeSet<i64>>) {
        self.connected = connected;
    }

    /// The shortest timeout, in milliseconds, with which mirrored sessions are opened. The engine may stop before it
    /// has kept such a session alive for the first time, and the next engine needs a while to take over.
    pub fn set_shortest_session(&mut self, milliseconds: i32) {
        self.shortest = milliseconds;
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Other routes from now on. What is planned already keeps its plan.
    pub fn set_routes(&mut self, routes: Arc<Routes>) {
        self.routes = routes;
    }

    /// What both sides can hold, from now on. What is planned already keeps its plan.
    pub fn set_common(&mut self, common: Arc<Common>) {
        self.common = common;
    }

    /// What both sides can hold, as this direction knows it.
    pub fn common(&self) -> &Arc<Common> {
        &self.common
    }
}
