//! Joins a live ensemble as an observer and yields every committed transaction, in order, without a gap.
//!
//! ```text
//! discover -> connect -> OBSERVERINFO/LEADERINFO/ACKEPOCH -> SNAP | DIFF | TRUNC -> NEWLEADER -> UPTODATE -> INFORM...
//!     ^                                                                                                     |
//!     +-------------------------------- link lost, silence, a gap: from the last zxid ----------------------+
//! ```
//!
//! A background task only reads, answers pings and fills a queue that spools to disk, because a leader keeps
//! what a slow learner has not read in its own memory. [`Learner::next`] takes from the queue, applies to the tree and
//! checks the digest.
//!
//! Invariants: the observer never counts as a voter. Its id is none that an ensemble configures, it claims no epoch
//! (accepted 0, current -1), it connects only to a leader that says it leads, and it acknowledges nothing but NEWLEADER
//! and UPTODATE.

mod config;
mod connection;
mod dial;
mod discover;
mod link;
mod outbox;
pub(crate) mod packet;
mod queue;
mod roster;
mod sasl;
mod stream;
mod task;
mod touch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub use crate::members::Server;
pub use config::Config;
pub use outbox::{NoLink, Requests};
pub use touch::{Lease, TouchList};

use crate::record::{Txn, Zxid};
use crate::tree::{DigestCheck, Node, Tree};
use queue::{Item, Queue};
use task::Task;

/// A learner cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The id could be a voter's.
    #[error("observer id {0} could be a server's; use one above 255")]
    Id(i64),
    /// Transactions cannot be put aside.
    #[error("cannot use the spool folder {dir}")]
    Spool {
        /// The folder.
        dir: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A transaction cannot be decoded: a server newer than this program.
    #[error("a committed transaction is not understood")]
    Transaction(#[from] crate::jute::Error),
    /// The learner was stopped.
    #[error("the learner was stopped")]
    Stopped,
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Id(_) => "ObserverIdInvalid",
            Self::Spool { .. } => "SpoolUnusable",
            Self::Transaction(_) => "TransactionUnknown",
            Self::Stopped => "LearnerStopped",
        }
    }
}

/// What the tree's digest says about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Compared, or nothing to compare.
    Compared(DigestCheck),
    /// The snapshot may hold later effects until the leader says that we are up to date.
    Settling,
}

/// What happened, in the order of the ensemble.
#[derive(Debug)]
pub enum Event {
    /// The tree was replaced by a snapshot; the old one is given back for a comparison.
    Snapshot {
        /// The tree before.
        previous: Box<Tree>,
    },
    /// A transaction was committed, and applied to the tree.
    Committed {
        /// The transaction.
        txn: Txn,
        /// Whether the tree is what the leader's was.
        check: Check,
    },
    /// All that was committed before the link was made is in the tree.
    UpToDate {
        /// The ensemble's members, as `/zookeeper/config` has them; nothing before 3.5.
        config: Option<String>,
    },
    /// The leader asks to forget everything after a position: the ensemble's data went back. The tree is left as it is,
    /// and the learner stays away until [`Learner::restart`].
    Truncated {
        /// The last position that the leader has.
        to: Zxid,
    },
    /// The leader's answer to [`Requests::revalidate`].
    Revalidated {
        /// The session.
        session: i64,
        /// Whether it lives.
        lives: bool,
    },
    /// The leader's answer to [`Requests::sync`]: everything that was proposed before it is in the tree.
    Synced,
    /// There is no link; another one is being made and goes on from the last transaction.
    LostLeader {
        /// Why, as a sentence.
        cause: String,
    },
}

/// An observer and its tree.
#[derive(Debug)]
pub struct Learner {
    queue: Arc<Queue>,
    tree: Tree,
    settled: bool,
    members: Option<String>,
    arrived: Instant,
    touch: TouchList,
    requests: Requests,
    config: Config,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Learner {
    fn drop(&mut self) {
        self.task.abort();
        self.requests.close();
    }
}

impl Learner {
    /// Starts from nothing, which gives a snapshot first, or from a tree that is exact at its last zxid.
    ///
    /// # Errors
    /// When the id could be a voter's or the spool folder cannot be used.
    pub fn start(config: Config, from: Option<Tree>) -> Result<Self, Error> {
        if config.id < Config::LOWEST_ID {
            return Err(Error::Id(config.id));
        }
        let settled = from.is_some();
        let tree = from.unwrap_or_default();
        let queue = Arc::new(Queue::new(&config)?);
        let touch = TouchList::default();
        let last = if settled { tree.last_zxid() } else { Zxid(0) };
        let requests = Requests::default();
        let task = Task {
            config: config.clone(),
            last,
            queue: Arc::clone(&queue),
            touch: touch.clone(),
            requests: requests.clone(),
        };
        Ok(Self {
            queue,
            tree,
            settled,
            members: None,
            arrived: Instant::now(),
            touch,
            requests,
            config,
            task: tokio::spawn(task.run()),
        })
    }

    /// Begins again from a snapshot, after [`Event::Truncated`] or a digest that does not match.
    ///
    /// # Errors
    /// When the spool folder cannot be used.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.task.abort();
        self.requests.close();
        self.queue = Arc::new(Queue::new(&self.config)?);
        let task = Task {
            config: self.config.clone(),
            last: Zxid(0),
            queue: Arc::clone(&self.queue),
            touch: self.touch.clone(),
            requests: self.requests.clone(),
        };
        self.task = tokio::spawn(task.run());
        self.settled = false;
        Ok(())
    }

    /// The tree after the last event.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// See [`Tree::share`].
    pub fn share(&mut self, place: usize, with: Node<'_>) {
        self.tree.share(place, with);
    }

    /// The list of members in the words of the leader (3.5+), as of the last link.
    pub fn members(&self) -> Option<&str> {
        self.members.as_deref()
    }

    /// When the last event came in through the link, which may be long before it was taken.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Sessions that the next pings keep alive.
    pub fn touch_list(&self) -> TouchList {
        self.touch.clone()
    }

    /// Sends requests through this link.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Waits for the next event and applies it. Can be dropped while it waits without losing one.
    ///
    /// # Errors
    /// When a transaction is not understood or the spool breaks.
    pub async fn next(&mut self) -> Result<Event, Error> {
        let (arrived, item) = self.queue.pop().await?;
        self.arrived = arrived;
        Ok(match item {
            Item::Snapshot(tree) => {
                self.settled = false;
                let previous = Box::new(std::mem::replace(&mut self.tree, *tree));
                Event::Snapshot { previous }
            }
            Item::Txn(bytes) => {
                let txn = Txn::decode(&bytes)?;
                let compared = self.tree.apply(&txn);
                let check = match compared {
                    DigestCheck::Different { .. } if !self.settled => Check::Settling,
                    other => Check::Compared(other),
                };
                Event::Committed { txn, check }
            }
            Item::UpToDate(config) => {
                self.members.clone_from(&config);
                self.settled = true;
                Event::UpToDate { config }
            }
            Item::Truncated(to) => Event::Truncated { to },
            Item::Revalidated(session, lives) => Event::Revalidated { session, lives },
            Item::Synced => Event::Synced,
            Item::Lost(cause) => Event::LostLeader { cause },
        })
    }
}
