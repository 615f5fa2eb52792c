//! An ensemble through its client port only: where the quorum port cannot be reached, for standalone servers, and for
//! other products that speak the clients' protocol.
//!
//! ```text
//! watches, replies -> driver (task) -> items -> ClientSide::next (tree) -> events
//!                        ^                          |
//!                        +-- what does not fit -----+
//! ```
//!
//! Less is seen than by an observer. Not seen: values between two reads, the order of changes of different nodes, and
//! sessions without ephemeral nodes. Changed ACLs are seen only when all nodes are read again. Containers and TTL
//! nodes of other clients look like plain nodes, and null data looks like empty data, because a client cannot tell
//! them apart. Requests need the rights of the session's credentials.
//!
//! - [`Config`], [`ClientSide`]: the public face, with the same methods as `mesolith_zk::learner::Learner`.
//! - `driver`: the task. `sessions`, `watches`, `read`, `write`: its calls of the client.
//! - `roots`, `shadow`, `answer`, `ahead`, `work`, `convert`: pure.

mod ahead;
mod answer;
mod config;
mod convert;
mod driver;
mod error;
mod gate;
mod item;
mod read;
mod roots;
mod sessions;
mod shadow;
mod watches;
mod work;
mod write;

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use mesolith_zk::learner::{Check, TouchList};
use mesolith_zk::record::{Op, Txn, TxnHeader};
use mesolith_zk::tree::{self, DigestCheck, Tree};
use tokio::sync::mpsc;

pub use config::Config;
pub use error::Error;
pub use gate::Requests;

use crate::side::{Capture, SideEvent};
use gate::{Ask, Gate};
use item::Item;
use read::Node;
use roots::Roots;
use shadow::{Effect, Shadow};
use work::Mark;

/// A link through client sessions, with the tree that it reads.
#[derive(Debug)]
pub struct ClientSide {
    config: Config,
    shadow: Shadow,
    /// Sessions that were opened through this link. They live on when they own no node.
    kept: BTreeSet<i64>,
    /// Events that came of the last item and were not given out yet.
    pending: VecDeque<Item>,
    items: mpsc::Receiver<(Instant, Item)>,
    arrived: Instant,
    asks: mpsc::UnboundedSender<Ask>,
    /// Number of asks to read that were sent to the task.
    asked: u64,
    gate: Gate,
    touch: TouchList,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ClientSide {
    fn drop(&mut self) {
        self.task.abort();
        self.gate.close();
    }
}

impl ClientSide {
    /// Starts with an empty tree; the first event is a snapshot.
    pub fn start(config: Config) -> Self {
        let gate = Gate::default();
        let (task, items, asks) = spawn(&config, gate.clone());
        Self {
            shadow: Shadow::live(Tree::new(), Roots::new(&config.roots)),
            config,
            kept: BTreeSet::new(),
            pending: VecDeque::new(),
            items,
            arrived: Instant::now(),
            asks,
            asked: 0,
            gate,
            touch: TouchList::default(),
            task,
        }
    }

    /// Begins again: every session of this link ends, and the next event is a snapshot.
    pub fn restart(&mut self) {
        self.task.abort();
        self.gate.close();
        (self.task, self.items, self.asks) = spawn(&self.config, self.gate.clone());
        self.pending.clear();
        self.asked = 0;
    }

    /// The tree after the last event.
    pub fn tree(&self) -> &Tree {
        &self.shadow.tree
    }

    /// See [`Tree::share`].
    pub fn share(&mut self, place: usize, with: tree::Node<'_>) {
        self.shadow.tree.share(place, with);
    }

    /// When the data of the last event was read. It may have waited long before it was taken.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Sends requests through this link. Sessions that engines open for themselves (see [`crate::duplex::is_engine`])
    /// all use the link's own session. Each other session gets a client of its own.
    pub fn requests(&self) -> Requests {
        Requests(self.gate.clone())
    }

    /// An empty list. Sessions that were opened through this link are kept alive by their own clients.
    pub fn touch_list(&self) -> TouchList {
        TouchList::clone(&self.touch)
    }

    /// The longest packet, in bytes, that the servers take.
    pub fn set_largest(&mut self, bytes: usize) {
        self.config.largest = bytes;
        // The task lives as long as this.
        let _ = self.asks.send(Ask::Largest(bytes));
    }

    /// How changes are seen.
    pub fn capture(&self) -> Capture {
        self.config.capture
    }

    /// Whether its servers are older than 3.5.
    pub fn is_old(&self) -> bool {
        self.config.version.is_some_and(|version| version < (3, 5, 0))
    }

    /// Why changes are seen in this way.
    pub fn reason(&self) -> &str {
        &self.config.reason
    }

    /// Waits for the next event and applies it to the tree. Dropping the future while it waits loses no event.
    ///
    /// # Errors
    /// When somebody has to give rights, or the link was stopped. After the first it may be called again: it tries
    /// once more what was not possible.
    pub async fn next(&mut self) -> Result<SideEvent, Error> {
        loop {
            let item = match self.pending.pop_front() {
                Some(item) => item,
                None => {
                    let (arrived, item) = self.items.recv().await.ok_or(Error::Stopped)?;
                    self.arrived = arrived;
                    item
                }
            };
            if let Some(event) = self.take(item)? {
                return Ok(event);
            }
        }
    }

    fn take(&mut self, item: Item) -> Result<Option<SideEvent>, Error> {
        Ok(match item {
            Item::Snapshot { tree, kept } => {
                self.kept = kept;
                Some(self.snapshot(*tree))
            }
            Item::UpToDate => Some(SideEvent::UpToDate),
            Item::Reads(reads) => self.reads(reads),
            Item::Looked(looked) => {
                let doubt = |(path, node): (Box<str>, Option<Node>)| {
                    let want = self.shadow.doubt(&path, node.as_ref())?;
                    Some((path, want))
                };
                let ask = looked.into_iter().filter_map(doubt).collect();
                self.ask(ask);
                None
            }
            Item::List => {
                let paths = self.tree().nodes().map(|node| node.path().into()).collect();
                // The task lives as long as this struct, so the send cannot fail.
                let _ = self.asks.send(Ask::Look(paths));
                None
            }
            Item::Answer(answer) => {
                let txn = answer.apply(&mut self.shadow.tree);
                match txn.op {
                    Op::CreateSession { .. } => _ = self.kept.insert(txn.header.session),
                    Op::CloseSession { .. } => _ = self.kept.remove(&txn.header.session),
                    _ => {}
                }
                Some(committed(txn))
            }
            Item::Ended(session) if self.tree().sessions().contains_key(&session) => {
                self.kept.remove(&session);
                Some(self.session(session, Op::CloseSession { paths: None }))
            }
            Item::Ended(_) => None,
            Item::Mark { mark, asked } => self.mark(mark, asked),
            Item::Revalidated(session, lives) => Some(SideEvent::Revalidated { session, lives }),
            Item::Lost(cause) => Some(SideEvent::LostLeader { cause }),
            Item::Fail(error) => return Err(error),
        })
    }

    fn snapshot(&mut self, tree: Tree) -> SideEvent {
        let new = Shadow::live(tree, Roots::new(&self.config.roots));
        let previous = std::mem::replace(&mut self.shadow, new).tree;
        self.shadow.know(&previous);
        SideEvent::Snapshot {
            previous: Box::new(previous),
        }
    }

    fn reads(&mut self, reads: Vec<(Box<str>, Option<Node>)>) -> Option<SideEvent> {
        let owners = reads
            .iter()
            .filter_map(|(_, node)| Some(node.as_ref()?.stat.ephemeral_owner));
        let unknown = owners
            .filter(|owner| *owner != 0)
            .find(|owner| !self.tree().sessions().contains_key(owner));
        if let Some(session) = unknown {
            self.pending.push_front(Item::Reads(reads));
            let timeout = self.config.foreign_timeout;
            return Some(self.session(session, Op::CreateSession { timeout }));
        }
        let mut effect = Effect::default();
        for (path, node) in reads {
            self.shadow.read(&path, node, &mut effect);
        }
        let tree = self.tree();
        let ended = effect
            .bereft
            .iter()
            .filter(|session| !self.kept.contains(session) && tree.ephemerals(**session).next().is_none());
        self.pending
            .extend(ended.map(|session| Item::Ended(*session)).collect::<Vec<_>>());
        effect.ask.append(&mut effect.later);
        self.ask(effect.ask);
        let mut seen = BTreeSet::new();
        let mut paths = effect.changed;
        paths.retain(|path| seen.insert(path.clone()));
        (!paths.is_empty()).then_some(SideEvent::Dirty { paths })
    }

    /// Begins or ends a session in the tree, as its nodes show it.
    fn session(&mut self, session: i64, op: Op) -> SideEvent {
        let tree = &mut self.shadow.tree;
        let header = TxnHeader {
            session,
            zxid: tree.last_zxid(),
            kind: op.code(),
            ..TxnHeader::default()
        };
        let digest = None;
        let txn = Txn { header, op, digest };
        tree.apply(&txn);
        committed(txn)
    }

    fn ask(&mut self, wants: Vec<(Box<str>, read::Want)>) {
        if !wants.is_empty() {
            self.asked += 1;
            // The task lives as long as this struct, so the send cannot fail.
            let _ = self.asks.send(Ask::Read(wants));
        }
    }

    /// The mark is passed, unless the reads before it have led to further reads.
    fn mark(&mut self, mark: Mark, asked: u64) -> Option<SideEvent> {
        let ask = match mark {
            _ if asked != self.asked => Ask::Mark(mark),
            Mark::Synced => return Some(SideEvent::Synced),
            Mark::Release => Ask::Release,
        };
        // The task lives as long as this struct, so the send cannot fail.
        let _ = self.asks.send(ask);
        None
    }
}

type Spawned = (
    tokio::task::JoinHandle<()>,
    mpsc::Receiver<(Instant, Item)>,
    mpsc::UnboundedSender<Ask>,
);

fn spawn(config: &Config, gate: Gate) -> Spawned {
    let (sender, items) = mpsc::channel(32);
    let (asks, receiver) = mpsc::unbounded_channel();
    let ends = driver::Ends {
        items: sender,
        asks: receiver,
        back: asks.clone(),
        gate,
    };
    (tokio::spawn(driver::run(config.clone(), ends)), items, asks)
}

fn committed(txn: Txn) -> SideEvent {
    SideEvent::Committed {
        txn,
        check: Check::Compared(DigestCheck::Absent),
    }
}
