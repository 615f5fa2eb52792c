//! Joins a live ensemble as an observer and yields every committed transaction, in order, without a gap.
//!
//! ```text
//! discover -> connect -> OBSERVERINFO/LEADERINFO/ACKEPOCH -> SNAP | DIFF | TRUNC -> NEWLEADER -> UPTODATE -> INFORM...
//!     ^                                                                                                     |
//!     +-------------------------------- link lost, silence, a gap: from the last zxid ----------------------+
//! ```
//!
//! A background task reads from the leader, answers pings, and fills a queue that goes to disk when it is long. It
//! must never be slow, because a leader keeps in its own memory what a learner has not read yet. [`Learner::next`]
//! takes from the queue, applies each transaction to the tree, and checks the digest.
//!
//! Invariants: the observer never counts as a voter. Its id is none that an ensemble configures, it claims no epoch
//! (accepted 0, current -1), it connects only to a leader that says it leads, and it acknowledges nothing but NEWLEADER
//! and UPTODATE.

mod broken;
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
    /// The id could belong to a voter.
    #[error("observer id {0} could be a server's; use one above 255")]
    Id(i64),
    /// The queue's file cannot be used.
    #[error("cannot use the spool folder {dir}")]
    Spool {
        /// The folder.
        dir: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A transaction cannot be decoded. The server may be newer than this program.
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

/// Whether the tree agrees with the digest of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The digest was compared, or there was none.
    Compared(DigestCheck),
    /// Not compared: until the leader says that we are up to date, the snapshot may contain effects of later
    /// transactions.
    Settling,
}

/// An event, in the order of the ensemble.
#[derive(Debug)]
pub enum Event {
    /// The tree was replaced by a snapshot. The old tree is passed on for a comparison.
    Snapshot {
        /// The tree before.
        previous: Box<Tree>,
    },
    /// A transaction was committed and applied to the tree.
    Committed {
        /// The transaction.
        txn: Txn,
        /// Whether our tree agrees with the leader's.
        check: Check,
    },
    /// Everything that was committed before the link was made is in the tree.
    UpToDate {
        /// The ensemble's members, in the form of `/zookeeper/config`. `None` before 3.5.
        config: Option<String>,
    },
    /// The leader wants a learner to forget everything after a position: the ensemble has lost data. The tree stays
    /// as it is, and the learner makes no new link until [`Learner::restart`].
    Truncated {
        /// The leader's last position.
        to: Zxid,
    },
    /// The leader's answer to [`Requests::revalidate`].
    Revalidated {
        /// The session.
        session: i64,
        /// Whether the session lives.
        lives: bool,
    },
    /// The leader's answer to [`Requests::sync`]: the tree has everything that was proposed before it.
    Synced,
    /// The link is lost. Another one is being made, and continues after the last transaction.
    LostLeader {
        /// The cause, as a sentence.
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
    /// Starts with an empty tree, so that a snapshot comes first, or with a tree that is exact at its last zxid.
    ///
    /// # Errors
    /// When the id could belong to a voter, or the spool folder cannot be used.
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

    /// Starts again with a snapshot, after [`Event::Truncated`] or after a digest that did not agree.
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

    /// The member list as the leader has sent it with the last link (3.5 and later).
    pub fn members(&self) -> Option<&str> {
        self.members.as_deref()
    }

    /// When the last event arrived. It may have waited long in the queue.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The list of sessions that pings keep alive.
    pub fn touch_list(&self) -> TouchList {
        self.touch.clone()
    }

    /// Sends requests through this link.
    pub fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// Waits for the next event and applies it. Dropping the future while it waits loses no event.
    ///
    /// # Errors
    /// When a transaction is not understood, or the queue's file fails.
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
