//! Handles the replies of the servers.

use mesolith_zk::request::Request;
use zookeeper_client::{Client, Error as ClientError};

use super::super::Error;
use super::super::answer::{Answer, Outcome};
use super::super::item::Item;
use super::super::read::{Failure, Node, Reading, Want};
use super::super::shadow::Effect;
use super::super::work::Mark;
use super::Driver;

/// The result of one call.
pub(super) enum Reply {
    Read(Reading),
    /// A node's stat and list, without data.
    Looked(Reading),
    Mark(Mark),
    /// Everything that was committed before the sync has arrived.
    Synced(Result<(), ClientError>),
    Wrote {
        session: i64,
        cxid: i32,
        request: Request,
        outcome: Result<Outcome, ClientError>,
    },
    /// A session was opened, or could not be.
    Opened {
        session: i64,
        cxid: i32,
        timeout: i32,
        client: Result<Client, String>,
    },
}

impl Driver {
    pub(super) fn reply(&mut self, reply: Reply) {
        match reply {
            Reply::Read(mut reading) => {
                self.watches.keep(&mut reading);
                self.work.done(&reading.path);
                self.read(reading);
            }
            Reply::Looked(reading) => {
                self.looking -= 1;
                match reading.node {
                    Ok(node) => self.looked.push((reading.path, Some(self.known(node)))),
                    Err(Failure::Gone) => self.looked.push((reading.path, None)),
                    Err(_) => self.work.add(&reading.path, Want::ALL, false),
                }
                self.look_over();
            }
            Reply::Mark(mark) => {
                self.batch();
                let asked = self.asked;
                self.give(Item::Mark { mark, asked });
            }
            Reply::Synced(Ok(())) => self.synced(),
            // The link is lost. The session state tells of that as well.
            Reply::Synced(Err(_)) => {}
            Reply::Wrote {
                session,
                cxid,
                request,
                outcome,
            } => {
                self.writing -= 1;
                match outcome {
                    Ok(outcome) => self.answered(Answer {
                        session,
                        cxid,
                        request,
                        outcome,
                    }),
                    Err(error) => tracing::debug!(%error, "a write without an answer"),
                }
            }
            Reply::Opened { .. } => {}
        }
    }

    fn read(&mut self, reading: Reading) {
        let path = reading.path;
        let node = match reading.node {
            Ok(node) => Some(self.known(node)),
            Err(Failure::Gone) => None,
            Err(Failure::Denied(list)) => {
                self.denied_news |= self.denied.insert(path, list).is_none();
                return;
            }
            Err(failure) => {
                tracing::debug!(%path, ?failure, "a node is read again");
                return self.work.add(&path, Want::ALL, self.building.is_some());
            }
        };
        self.denied.remove(&path);
        if let Some(children) = node.as_ref().and_then(|node| node.children.as_ref()) {
            for child in self.watches.unwatched(self.config.capture, &path, children) {
                if self.roots.reach(&child) {
                    self.work.add(&child, Want::ALL, self.building.is_some());
                }
            }
        }
        let Some(shadow) = &mut self.building else {
            self.reads.push((path, node));
            return;
        };
        let owner = node.as_ref().map_or(0, |node| node.stat.ephemeral_owner);
        if owner != 0 && !shadow.tree.sessions().contains_key(&owner) {
            shadow.tree.set_session(owner, self.config.foreign_timeout);
        }
        let mut effect = Effect::default();
        shadow.read(&path, node, &mut effect);
        for (path, want) in effect.ask {
            self.work.add(&path, want, true);
        }
        for session in effect.bereft {
            let kept = self.sessions.get(session).is_some() || self.own.contains_key(&session);
            if !kept && shadow.tree.ephemerals(session).next().is_none() {
                shadow.tree.forget_session(session);
            }
        }
    }

    /// Replaces the owner by the session id that everybody else knows.
    fn known(&self, mut node: Node) -> Node {
        node.stat.ephemeral_owner = self.sessions.known_as(node.stat.ephemeral_owner);
        node
    }

    /// Sends the nodes that were read so far to the tree's owner.
    pub(super) fn batch(&mut self) {
        if !self.reads.is_empty() {
            let reads = std::mem::take(&mut self.reads);
            self.give(Item::Reads(reads));
        }
        if !self.looked.is_empty() {
            let looked = std::mem::take(&mut self.looked);
            self.give(Item::Looked(looked));
        }
        if self.denied_news && self.building.is_none() {
            self.denied_news = false;
            let error = self.unreadable();
            self.give(Item::Fail(error));
        }
    }

    pub(super) fn unreadable(&self) -> Error {
        Error::unreadable(&self.denied, !self.config.security.credentials.is_empty())
    }

    /// Sends an answer at once, unless an earlier one still waits.
    fn answered(&mut self, answer: Answer) {
        self.batch();
        if self.held.is_empty() && matches!(answer.outcome, Outcome::Done { .. }) {
            self.give(Item::Answer(answer));
        } else {
            self.held.push(answer);
        }
    }

    /// Ends the turn of a request that had the link to itself. Says why the link is lost if there was no answer.
    pub(super) fn alone_done(&mut self, reply: Reply) -> Option<String> {
        let session = self.alone_for.take();
        match reply {
            Reply::Wrote {
                outcome: Err(error), ..
            } => {
                let whose = session.map_or("the link's own session".to_owned(), |session| {
                    // Requests of this session that are still on their way end with its client. The next snapshot
                    // shows the result.
                    drop(self.sessions.remove(session));
                    format!("the mirrored session {session:#x}")
                });
                Some(format!("a request of {whose} was not answered: {error}"))
            }
            Reply::Opened {
                session,
                cxid,
                timeout,
                client,
            } => match client {
                Ok(client) => {
                    self.sessions.add(session, client, timeout);
                    self.answered(Answer {
                        session,
                        cxid,
                        request: Request::OpenSession { timeout },
                        outcome: Outcome::Done {
                            stats: Vec::new(),
                            at_once: true,
                        },
                    });
                    None
                }
                Err(cause) => Some(format!(
                    "the session {session:#x} cannot be mirrored, {cause}; each one takes a connection, which servers limit by \
                     maxClientCnxns"
                )),
            },
            other => {
                // Counted like a write that is sent together with others.
                self.writing += 1;
                self.reply(other);
                self.batch();
                None
            }
        }
    }
}
