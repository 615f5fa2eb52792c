//! Sends requests to the leader, as long as there is a link.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::dial::Writing;
use super::packet;
use crate::jute::Writer;
use crate::request::Request;

/// There is no link to a leader, so nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no link to a leader of the ensemble")]
pub struct NoLink;

/// Sends requests through the observer's link, in order, under any session and with all rights.
///
/// The answer is [`super::Event::Committed`] with the same session and `cxid`. What is not answered when the link is
/// lost may still be committed; it shows at the latest after the next [`super::Event::UpToDate`], or never if the leader
/// went as well.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    link: Arc<Mutex<Option<UnboundedSender<Bytes>>>>,
}

impl Requests {
    /// Sends a request.
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn send(&self, session: i64, cxid: i32, request: &Request) -> Result<(), NoLink> {
        let mut record = Writer::new();
        record.long(session);
        record.int(cxid);
        record.int(request.code());
        request.write(&mut record);
        self.put(packet::request(record.as_slice()))
    }

    /// Tells the leader that this link speaks for a session. After a lost link, the leader still takes the old link
    /// for the session's owner. The answer is [`super::Event::Revalidated`].
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn revalidate(&self, session: i64, timeout: i32) -> Result<(), NoLink> {
        self.put(packet::revalidate(session, timeout))
    }

    /// Asks the leader for a barrier. [`super::Event::Synced`] comes after everything that was proposed before. The
    /// session need not exist. Barriers come in the order in which they were asked for; a lost link drops them.
    ///
    /// # Errors
    /// When there is no link, or it is not up to date yet.
    pub fn sync(&self, session: i64, cxid: i32) -> Result<(), NoLink> {
        self.put(packet::sync(session, cxid))
    }

    fn put(&self, bytes: Bytes) -> Result<(), NoLink> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().ok_or(NoLink)?.send(bytes).map_err(|_| NoLink)
    }

    pub(super) fn open(&self, link: UnboundedSender<Bytes>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }

    pub(super) fn close(&self) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The only writer of a socket. It ends when its senders are gone or the socket fails, which the reader notices as
/// well.
pub(super) fn writer(mut socket: Writing) -> UnboundedSender<Bytes> {
    let (sender, mut receiver): (_, UnboundedReceiver<Bytes>) = unbounded_channel();
    tokio::spawn(async move {
        let mut waiting = Vec::new();
        let mut together = Vec::new();
        while receiver.recv_many(&mut waiting, 64).await > 0 {
            together.clear();
            waiting
                .drain(..)
                .for_each(|bytes: Bytes| together.extend_from_slice(&bytes));
            // TLS buffers what is not flushed.
            if socket.write_all(&together).await.is_err() || socket.flush().await.is_err() {
                return;
            }
        }
    });
    sender
}
