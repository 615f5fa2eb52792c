//! The events that the task waits for, and its reaction to each.

use std::future::pending;
use std::task::Poll;

use futures::future::BoxFuture;
use futures::stream::StreamExt;
use tokio::time::Instant;
use zookeeper_client::SessionState;

use super::replies::Reply;
use super::{Driver, idle};
use crate::client_side::gate::Ask;
use crate::client_side::item::Item;
use crate::client_side::read::Want;

/// Something the task waits for.
pub(super) enum Happened {
    State(SessionState),
    Reply(Reply),
    Stale(Reply),
    Alone(Reply),
    Fired(Vec<(Box<str>, Want)>),
    Ended(i64),
    Ask(Ask),
    Room,
    Timer,
}

impl Driver {
    /// Waits for the next event.
    pub(super) async fn happens(&mut self) -> Happened {
        let Self {
            states,
            flight,
            stale,
            alone,
            watches,
            sessions,
            asks,
            items,
            outbox,
            timer,
            ..
        } = self;
        tokio::select! {
            biased;
            state = states.changed() => Happened::State(state),
            Ok(permit) = items.reserve(), if !outbox.is_empty() => {
                if let Some(item) = outbox.pop_front() {
                    permit.send(item);
                }
                Happened::Room
            }
            wants = watches.fired() => Happened::Fired(wants),
            Some(reply) = flight.next() => Happened::Reply(reply),
            reply = optional(alone) => Happened::Alone(reply),
            Some(reply) = stale.next() => Happened::Stale(reply),
            session = sessions.ended() => Happened::Ended(session),
            Some(ask) = asks.recv() => Happened::Ask(ask),
            () = until(*timer) => Happened::Timer,
            // The states never end.
            else => Happened::Room,
        }
    }

    /// Reacts to an event. An error says why the session is over.
    pub(super) async fn handle(&mut self, happened: Happened) -> Result<(), String> {
        match happened {
            Happened::State(state) => return self.state(state).await,
            Happened::Reply(reply) => {
                self.reply(reply);
                // Replies that came together are handled together.
                while let Poll::Ready(Some(reply)) = self.flight.poll_next_unpin(&mut idle()) {
                    self.reply(reply);
                }
                self.batch();
            }
            Happened::Stale(Reply::Read(mut reading)) => self.watches.keep(&mut reading),
            Happened::Stale(_) | Happened::Room => {}
            Happened::Alone(reply) => {
                self.alone = None;
                self.reads_due = true;
                if let Some(cause) = self.alone_done(reply)
                    && self.up
                {
                    self.lost(cause);
                    return self.begin().await;
                }
            }
            Happened::Fired(wants) => {
                for (path, want) in wants {
                    if self.up && self.roots.reach(&path) {
                        self.work.add(&path, want, false);
                    }
                }
            }
            Happened::Ended(session) => {
                self.batch();
                self.give(Item::Ended(session));
            }
            Happened::Ask(ask) => self.ask(ask),
            Happened::Timer => self.on_timer(),
        }
        Ok(())
    }
}

async fn optional(future: &mut Option<BoxFuture<'static, Reply>>) -> Reply {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

async fn until(timer: Option<Instant>) {
    match timer {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}
