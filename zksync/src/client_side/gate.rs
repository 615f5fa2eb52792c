//! Passes requests to the task, as long as there is a link that is up to date.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesolith_zk::learner::NoLink;
use mesolith_zk::request::Request;
use tokio::sync::mpsc::UnboundedSender;

use super::read::Want;
use super::work::Mark;

/// A request to the task.
#[derive(Debug)]
pub(super) enum Ask {
    /// A write of the engine. It is sent only through the link that it was meant for.
    Request {
        link: u64,
        session: i64,
        cxid: i32,
        request: Request,
    },
    /// A barrier for the engine.
    Sync { link: u64 },
    /// The engine asks whether a session lives.
    Revalidate { session: i64 },
    /// Nodes to read again, since the tree does not fit what was read.
    Read(Vec<(Box<str>, Want)>),
    /// Paths of all nodes of the tree, to look at each.
    Look(Vec<Box<str>>),
    /// The mark comes back once more, since nodes were read in the meantime.
    Mark(Mark),
    /// The answers that had to wait can be given out.
    Release,
    /// The longest packet, in bytes, that the servers take.
    Largest(usize),
}

#[derive(Debug)]
struct Open {
    link: u64,
    asks: UnboundedSender<Ask>,
}

/// Open while the link takes requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Option<Open>>>);

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, link: u64, asks: UnboundedSender<Ask>) {
        *self.lock() = Some(Open { link, asks });
    }

    pub(super) fn close(&self) {
        *self.lock() = None;
    }
}

/// Sends requests through client sessions, in order.
///
/// The answer is [`crate::side::SideEvent::Committed`] with the same session and `cxid`. A request without an answer
/// may still be carried out after the link was lost.
#[derive(Debug, Clone)]
pub struct Requests(pub(super) Gate);

impl Requests {
    /// Sends a request in the name of a session: the engine's own, or one that was opened through this link.
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn send(&self, session: i64, cxid: i32, request: &Request) -> Result<(), NoLink> {
        self.ask(|link| Ask::Request {
            link,
            session,
            cxid,
            request: request.clone(),
        })
    }

    /// Asks for a barrier: [`crate::side::SideEvent::Synced`] comes once the tree has what was committed before.
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn sync(&self) -> Result<(), NoLink> {
        self.ask(|link| Ask::Sync { link })
    }

    /// Asks whether a session that was opened through this link lives. The answer is
    /// [`crate::side::SideEvent::Revalidated`].
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn revalidate(&self, session: i64) -> Result<(), NoLink> {
        self.ask(|_| Ask::Revalidate { session })
    }

    fn ask(&self, ask: impl FnOnce(u64) -> Ask) -> Result<(), NoLink> {
        let gate = self.0.lock();
        let open = gate.as_ref().ok_or(NoLink)?;
        open.asks.send(ask(open.link)).map_err(|_| NoLink)
    }
}
