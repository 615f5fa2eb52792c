//! Carries out the engine's requests, in their order.

use std::time::Duration;

use mesolith_zk::request::{Request, Write};
use tokio::time::timeout;
use zookeeper_client::{Client, Error as ClientError};

use super::super::answer::Outcome;
use super::super::gate::Ask;
use super::super::item::Item;
use super::super::read::Want;
use super::super::sessions;
use super::super::work::Mark;
use super::super::write::{Taken, write};
use super::Driver;
use super::replies::Reply;
use crate::duplex::is_engine;

/// A request of the engine that was not sent yet.
#[derive(Debug)]
pub(super) enum Queued {
    Request {
        session: i64,
        cxid: i32,
        request: Request,
    },
    Sync,
}

/// Whether reads may be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    /// A request waits to have the link to itself.
    Wait,
}

/// The client's error code for a session that nobody has opened.
const NO_SESSION: i32 = -112;

impl Driver {
    pub(super) fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Request {
                link,
                session,
                cxid,
                request,
            } if link == self.link => self.queue.push_back(Queued::Request {
                session,
                cxid,
                request,
            }),
            Ask::Sync { link } if link == self.link => self.queue.push_back(Queued::Sync),
            Ask::Request { .. } | Ask::Sync { .. } => {}
            Ask::Revalidate { session } => {
                let lives = self.sessions.get(session).is_some() || self.own.contains_key(&session);
                self.give(Item::Revalidated(session, lives));
            }
            Ask::Read(wants) => {
                self.asked += 1;
                if self.up && self.building.is_none() {
                    for (path, want) in wants {
                        self.work.add(&path, want, false);
                    }
                }
            }
            Ask::Look(paths) if self.ready => self.begin_look(paths),
            Ask::Look(_) => {}
            Ask::Mark(mark) => self.work.mark(mark),
            Ask::Release => self.release(),
            Ask::Largest(bytes) => self.config.largest = bytes,
        }
    }

    /// Sends the next request if it may go now.
    pub(super) fn next_request(&mut self) -> Turn {
        if !self.ready || !self.held.is_empty() {
            return Turn::Go;
        }
        match self.queue.front() {
            None => return Turn::Go,
            Some(Queued::Sync) => {
                self.queue.pop_front();
                let client = self.client.clone();
                self.send(async move { Reply::Synced(client.sync("/").await) });
                return Turn::Go;
            }
            Some(Queued::Request { session, request, .. }) if self.needs_all(*session, request) => {
                if !self.flight.is_empty() {
                    return Turn::Wait;
                }
            }
            Some(Queued::Request { .. }) if self.writing >= self.config.in_flight => return Turn::Go,
            Some(Queued::Request { .. }) => {}
        }
        let Some(Queued::Request {
            session,
            cxid,
            request,
        }) = self.queue.pop_front()
        else {
            return Turn::Go;
        };
        if self.needs_all(session, &request) {
            self.begin_alone(session, cxid, request);
            return Turn::Wait;
        }
        self.writing += 1;
        let is_own = is_engine(session);
        let outcome = match &request {
            Request::OpenSession { timeout } if is_own => {
                self.own.insert(session, *timeout);
                // Ephemeral nodes that it creates are shown under this session's id.
                self.sessions.name(&self.client, session);
                nothing()
            }
            Request::OpenSession { .. } => nothing(),
            Request::CloseSession if is_own => {
                self.own.remove(&session);
                nothing()
            }
            _ if !self.own.contains_key(&session) => Outcome::Refused {
                index: 0,
                code: NO_SESSION,
                partly: false,
            },
            _ => {
                let write = write(self.client.clone(), request, self.taken());
                self.send(async move {
                    let (request, outcome) = write.await;
                    Reply::Wrote {
                        session,
                        cxid,
                        request,
                        outcome,
                    }
                });
                return Turn::Go;
            }
        };
        self.send(async move {
            Reply::Wrote {
                session,
                cxid,
                request,
                outcome: Ok(outcome),
            }
        });
        Turn::Go
    }

    fn taken(&self) -> Taken {
        Taken {
            create2: self.config.version.is_none_or(|version| version >= (3, 5, 0)),
            largest: self.config.largest,
        }
    }

    fn needs_all(&self, session: i64, request: &Request) -> bool {
        if is_engine(session) {
            return self.own.contains_key(&session) && self.taken().in_several(request);
        }
        match request {
            Request::OpenSession { .. } => self.sessions.get(session).is_none(),
            _ => self.sessions.get(session).is_some(),
        }
    }

    fn begin_alone(&mut self, session: i64, cxid: i32, request: Request) {
        let (own, limit) = (self.client.clone(), self.config.call_limit);
        if let Request::OpenSession { timeout: millis } = request {
            self.alone_for = Some(session);
            let config = self.config.clone();
            self.alone = Some(Box::pin(async move {
                let timeout = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
                Reply::Opened {
                    session,
                    cxid,
                    timeout: millis,
                    client: sessions::open(&config, timeout).await,
                }
            }));
            return;
        }
        let taken = self.taken();
        if is_engine(session) {
            self.alone_for = None;
            self.alone = Some(Box::pin(async move {
                let (request, outcome) = write(own, request, taken).await;
                Reply::Wrote {
                    session,
                    cxid,
                    request,
                    outcome,
                }
            }));
            return;
        }
        self.alone_for = Some(session);
        let client = match request {
            Request::CloseSession => self.sessions.remove(session),
            _ => self.sessions.get(session).cloned(),
        };
        self.alone = Some(Box::pin(async move {
            let (request, outcome) = mirrored(client, request, taken, limit).await;
            // Whichever server the link's own session is with has it as well from here on.
            let synced = match timeout(limit, own.sync("/")).await {
                Ok(synced) => synced,
                Err(_) => Err(ClientError::Timeout),
            };
            Reply::Wrote {
                session,
                cxid,
                request,
                outcome: synced.and(outcome),
            }
        }));
    }

    /// Begins after a refusal, once nothing is on its way any more: reads the nodes that may have caused it.
    pub(super) fn begin_release(&mut self) {
        if self.held.is_empty() || self.releasing || self.writing > 0 || self.alone.is_some() {
            return;
        }
        self.releasing = true;
        let mut paths = Vec::new();
        for answer in &self.held {
            let Outcome::Refused { index, partly, .. } = answer.outcome else {
                continue;
            };
            let writes = match &answer.request {
                Request::Single(write) => std::slice::from_ref(write),
                Request::Multi(writes) => writes,
                _ => &[],
            };
            let from = if partly { 0 } else { index };
            paths.extend(writes.iter().take(index + 1).skip(from).map(Write::path));
        }
        for path in paths {
            let above = path.rsplit_once('/').map_or("", |(above, _)| above);
            self.work
                .add(if above.is_empty() { "/" } else { above }, Want::STAT, false);
            self.work.add(path, Want::ALL, false);
        }
        self.work.mark(Mark::Release);
    }

    /// Gives out the waiting answers, now that the tree shows why they were refused.
    fn release(&mut self) {
        if self.releasing {
            self.releasing = false;
            let held = std::mem::take(&mut self.held);
            held.into_iter()
                .for_each(|answer| self.give(Item::Answer(answer)));
        }
    }

    /// A server sends the events of earlier commits before it answers a sync. So they have arrived by now and only
    /// have to be read.
    pub(super) fn synced(&mut self) {
        use std::task::Poll;
        loop {
            let mut fired = Box::pin(self.watches.fired());
            let Poll::Ready(wants) = fired.as_mut().poll(&mut super::idle()) else {
                break;
            };
            drop(fired);
            for (path, want) in wants {
                if self.roots.reach(&path) {
                    self.work.add(&path, want, false);
                }
            }
        }
        self.work.mark(Mark::Synced);
    }
}

fn nothing() -> Outcome {
    Outcome::Done {
        stats: Vec::new(),
        at_once: true,
    }
}

async fn mirrored(
    client: Option<Client>,
    request: Request,
    taken: Taken,
    limit: Duration,
) -> (Request, Result<Outcome, ClientError>) {
    let Some(client) = client else {
        let refused = Outcome::Refused {
            index: 0,
            code: NO_SESSION,
            partly: false,
        };
        return (request, Ok(refused));
    };
    if request == Request::CloseSession {
        let closed = sessions::close(client, limit).await;
        let outcome = if closed {
            Ok(nothing())
        } else {
            Err(ClientError::Timeout)
        };
        return (request, outcome);
    }
    match timeout(limit, write(client, request.clone(), taken)).await {
        Ok(written) => written,
        Err(_) => (request, Err(ClientError::Timeout)),
    }
}
