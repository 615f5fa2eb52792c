//! One ensemble as the engine sees it. It gives events and takes requests, whichever kind of link it has.
//!
//! ```text
//!             events, tree                          events, tree
//! ensemble A -------------> engine (pipelines) <------------- ensemble B
//!             <-------------                   ------------->
//!                requests                          requests
//! ```
//!
//! - [`Link::Observer`]: through the quorum port. Exact: every transaction, in order, with its versions.
//! - [`Link::Client`]: through the client port, where the quorum port cannot be reached. It reads nodes instead of
//!   transactions, so versions in between are lost, see [`SideEvent::Dirty`].
//! - [`probe`], [`choose`]: which kind of link, and why.

mod choice;
mod probe;

pub use choice::{Capture, Choice, Facts, choose};
pub use probe::{NotYet, probe};

use mesolith_zk::learner::{self, Check, Learner, TouchList};
use mesolith_zk::record::{Txn, Zxid};
use mesolith_zk::request::Request;
use mesolith_zk::tree::{Node, Tree};

use crate::client_side::{self, ClientSide};
use crate::plan::Kinds;

pub use mesolith_zk::learner::NoLink;

/// A link cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The observer cannot go on.
    #[error(transparent)]
    Observer(#[from] learner::Error),
    /// The client link cannot go on, or needs a person's help. [`client_side::Error`] says when it continues.
    #[error(transparent)]
    Client(#[from] client_side::Error),
}

impl Error {
    /// Short name for conditions, events and metric labels.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Observer(error) => error.reason(),
            Self::Client(error) => error.reason(),
        }
    }
}

/// An event of a side, in order. The tree already includes it.
#[derive(Debug)]
pub enum SideEvent {
    /// The whole tree was replaced. The old one is passed on for a comparison.
    Snapshot {
        /// The tree before the event.
        previous: Box<Tree>,
    },
    /// A transaction was committed and applied to the tree.
    Committed {
        /// The transaction. A client link builds it from an answer: the session and the change are true, and the
        /// position is the nearest one known.
        txn: Txn,
        /// Whether our tree agrees with the leader's digest.
        check: Check,
    },
    /// Nodes were read and may differ from before, parents before their children. Nodes below a deleted node are
    /// listed as well. Only a client link gives this event.
    Dirty {
        /// Paths of the nodes.
        paths: Vec<Box<str>>,
    },
    /// The tree has everything that was committed before the link was made, and requests are taken.
    UpToDate,
    /// The tree has everything that was committed before the call of [`Requests::sync`].
    Synced,
    /// The answer to [`Requests::revalidate`].
    Revalidated {
        /// The session.
        session: i64,
        /// Whether the session lives.
        lives: bool,
    },
    /// The ensemble has lost data: its last position is behind ours. The link stays down until [`Link::restart`].
    Truncated {
        /// The leader's last position.
        to: Zxid,
    },
    /// The link is lost and is being made again. Requests without an answer may still be carried out.
    LostLeader {
        /// The cause, as a sentence.
        cause: String,
    },
}

impl From<learner::Event> for SideEvent {
    fn from(event: learner::Event) -> Self {
        match event {
            learner::Event::Snapshot { previous } => Self::Snapshot { previous },
            learner::Event::Committed { txn, check } => Self::Committed { txn, check },
            learner::Event::UpToDate { .. } => Self::UpToDate,
            learner::Event::Synced => Self::Synced,
            learner::Event::Truncated { to } => Self::Truncated { to },
            learner::Event::Revalidated { session, lives } => Self::Revalidated { session, lives },
            learner::Event::LostLeader { cause } => Self::LostLeader { cause },
        }
    }
}

/// A link to an ensemble.
#[derive(Debug)]
pub enum Link {
    /// Through the quorum port.
    Observer(Box<Learner>),
    /// Through the client port.
    Client(Box<ClientSide>),
}

impl Link {
    /// The tree after the last event.
    pub fn tree(&self) -> &Tree {
        match self {
            Self::Observer(learner) => learner.tree(),
            Self::Client(client) => client.tree(),
        }
    }

    /// See [`Tree::share`].
    pub fn share(&mut self, place: usize, with: Node<'_>) {
        match self {
            Self::Observer(learner) => learner.share(place, with),
            Self::Client(client) => client.share(place, with),
        }
    }

    /// Waits for the next event and applies it to the tree. Dropping the future while it waits loses no event.
    ///
    /// # Errors
    /// When the link cannot go on by itself.
    pub async fn next(&mut self) -> Result<SideEvent, Error> {
        match self {
            Self::Observer(learner) => Ok(learner.next().await?.into()),
            Self::Client(client) => Ok(client.next().await?),
        }
    }

    /// When the last event arrived.
    pub fn arrived(&self) -> std::time::Instant {
        match self {
            Self::Observer(learner) => learner.arrived(),
            Self::Client(client) => client.arrived(),
        }
    }

    /// The sender for requests to the ensemble.
    pub fn requests(&self) -> Requests {
        match self {
            Self::Observer(learner) => Requests::Observer(learner.requests()),
            Self::Client(client) => Requests::Client(client.requests()),
        }
    }

    /// Sessions that the observer keeps alive with its pings. A client link ignores the list, and keeps those
    /// sessions alive that were opened through it.
    pub fn touch_list(&self) -> TouchList {
        match self {
            Self::Observer(learner) => learner.touch_list(),
            Self::Client(client) => client.touch_list(),
        }
    }

    /// The longest packet, in bytes, that the servers take from clients.
    pub fn set_largest(&mut self, bytes: usize) {
        match self {
            // A leader takes more from an observer than from a client.
            Self::Observer(_) => {}
            Self::Client(client) => client.set_largest(bytes),
        }
    }

    /// Begins again from nothing, which gives a snapshot first.
    ///
    /// # Errors
    /// When the spool folder cannot be used.
    pub fn restart(&mut self) -> Result<(), Error> {
        match self {
            Self::Observer(learner) => learner.restart()?,
            Self::Client(client) => client.restart(),
        }
        Ok(())
    }

    /// The way in which changes are seen.
    pub fn kind(&self) -> Capture {
        match self {
            Self::Observer(_) => Capture::Observer,
            Self::Client(client) => client.capture(),
        }
    }

    /// The ensemble's member list, as its leader sends it (3.5 and later).
    pub fn members(&self) -> Option<&str> {
        match self {
            Self::Observer(learner) => learner.members(),
            Self::Client(_) => None,
        }
    }

    /// The kinds of nodes that its servers know, as far as the present link tells.
    pub fn kinds(&self) -> Kinds {
        let is_old = match self {
            // From 3.5 on a leader sends the list of members.
            Self::Observer(learner) => learner.members().is_none(),
            Self::Client(client) => client.is_old(),
        };
        if is_old { Kinds::NONE } else { Kinds::ALL }
    }

    /// Why changes are seen in this way.
    pub fn reason(&self) -> &str {
        match self {
            Self::Observer(_) => choice::OBSERVER,
            Self::Client(client) => client.reason(),
        }
    }

    /// Whether trees show what only servers know: the difference of null and empty data, containers, TTLs, and
    /// sessions without nodes.
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Observer(_))
    }
}

/// Sends requests through a link, in order, in the name of any session.
///
/// The answer is [`SideEvent::Committed`] with the same session and `cxid`.
#[derive(Debug, Clone)]
pub enum Requests {
    /// Through the observer's link.
    Observer(learner::Requests),
    /// Through client sessions.
    Client(client_side::Requests),
}

impl Requests {
    /// Sends a request.
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn send(&self, session: i64, cxid: i32, request: &Request) -> Result<(), NoLink> {
        match self {
            Self::Observer(requests) => requests.send(session, cxid, request),
            Self::Client(requests) => requests.send(session, cxid, request),
        }
    }

    /// Tells the leader that this link speaks for a session that was opened through an earlier one. The answer is
    /// [`SideEvent::Revalidated`].
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn revalidate(&self, session: i64, timeout: i32) -> Result<(), NoLink> {
        match self {
            Self::Observer(requests) => requests.revalidate(session, timeout),
            Self::Client(requests) => requests.revalidate(session),
        }
    }

    /// Asks for a barrier. The answer is [`SideEvent::Synced`].
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn sync(&self, session: i64, cxid: i32) -> Result<(), NoLink> {
        match self {
            Self::Observer(requests) => requests.sync(session, cxid),
            Self::Client(requests) => requests.sync(),
        }
    }
}
