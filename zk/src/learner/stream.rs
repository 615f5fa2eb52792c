//! One link to a leader, from the handshake to its end.

use std::time::Instant;

use super::broken::Broken;
use super::connection::Connection;
use super::link::{Effect, Link};
use super::packet::{LEADERINFO, Packet, ack_epoch, observer_info, pong};
use super::queue::{Item, Queue};
use super::roster::Roster;
use super::{Config, Requests, TouchList};
use crate::record::Zxid;

/// Why a link has ended, and what comes next.
pub(super) enum End {
    /// It failed; another one is made.
    Broken(Broken),
    /// The leader wants to take transactions back.
    Truncated,
    /// The queue has no room for more.
    Full,
}

/// What a link needs.
pub(super) struct Follower<'a> {
    pub(super) config: &'a Config,
    pub(super) queue: &'a Queue,
    pub(super) touch: &'a TouchList,
    pub(super) requests: &'a Requests,
    /// Learns the members from this link.
    pub(super) roster: &'a mut Roster,
    /// Position of the last transaction; kept up to date, so that it is right when the link fails.
    pub(super) last: &'a mut Zxid,
}

impl Follower<'_> {
    /// Runs the link.
    pub(super) async fn run(mut self, address: &str) -> End {
        let end = self.follow(address).await;
        self.requests.close();
        end.unwrap_or_else(End::Broken)
    }

    async fn follow(&mut self, address: &str) -> Result<End, Broken> {
        let config = self.config;
        let mut connection = self.enter(address).await?;
        let mut link = Link::new(*self.last);
        loop {
            let limit = if link.is_live() {
                config.silence_limit
            } else {
                config.handshake_limit
            };
            let packet = connection.packet(limit).await?;
            match link.take(packet).map_err(Broken::Protocol)? {
                Effect::ReadSnapshot(zxid) => {
                    let tree = connection.snapshot(zxid, limit).await?;
                    self.queue.push(Item::Snapshot(Box::new(tree)));
                }
                Effect::Commit(bytes) => {
                    if !self.queue.push(Item::Txn(bytes)) {
                        return Ok(End::Full);
                    }
                }
                Effect::Reconfigure(bytes) => {
                    self.roster.follow(&bytes);
                    if !self.queue.push(Item::Txn(bytes)) {
                        return Ok(End::Full);
                    }
                }
                Effect::Truncate(zxid) => {
                    self.queue.push(Item::Truncated(zxid));
                    return Ok(End::Truncated);
                }
                Effect::UpToDate(members) => {
                    if let Some(text) = &members {
                        self.roster.learn(text);
                    }
                    // Sessions may have had no sign of life since the old link was lost. So they are kept alive now,
                    // without waiting for a ping.
                    connection.send(&answer(link.last(), self.touch))?;
                    self.requests.open(connection.outgoing());
                    self.queue.push(Item::UpToDate(members));
                }
                Effect::Revalidated(session, lives) => {
                    self.queue.push(Item::Revalidated(session, lives));
                }
                Effect::Synced => {
                    self.queue.push(Item::Synced);
                }
                Effect::Send(packet) => connection.send(&packet)?,
                Effect::Pong(zxid) => connection.send(&answer(zxid, self.touch))?,
                Effect::Nothing => {}
            }
            // Only what is in the queue counts as received.
            *self.last = link.last();
        }
    }

    /// Introduces the observer, and says where to continue.
    async fn enter(&self, address: &str) -> Result<Connection, Broken> {
        let config = self.config;
        let mut connection = Connection::open(address, &config.security, config.silence_limit).await?;
        connection.send(&observer_info(config.id))?;
        let info = match connection.first_packet(config.handshake_limit).await {
            Ok(info) => info,
            Err(Broken::Closed) => return Err(Broken::TurnedAway(self.turned_away(address))),
            Err(Broken::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Err(Broken::TurnedAway(self.turned_away(address)));
            }
            Err(other) => return Err(other),
        };
        if info.kind != LEADERINFO {
            let kind = info.kind;
            return Err(Broken::Protocol(format!(
                "the leader answers with a packet of type {kind} instead of LEADERINFO"
            )));
        }
        connection.send(&ack_epoch(*self.last))?;
        Ok(connection)
    }

    /// Explains a connection that the leader has closed without an answer.
    fn turned_away(&self, address: &str) -> String {
        let security = &self.config.security;
        let mut wants = Vec::new();
        if security.quorum_tls.is_none() {
            wants.push("TLS (sslQuorum=true)");
        } else if security.quorum_tls.as_ref().is_some_and(|t| t.identity.is_none()) {
            wants.push("a client certificate");
        }
        if security.quorum_sasl.is_none() {
            wants.push("SASL (quorum.auth.serverRequireSasl=true)");
        }
        let mut text = format!("the leader at {address} closed the link before its first packet");
        if !wants.is_empty() {
            text += "; it may want ";
            text += &wants.join(" or ");
        }
        text + "; otherwise it is giving up its lead"
    }
}

fn answer(zxid: Zxid, touch: &TouchList) -> Packet {
    pong(zxid, touch.at(Instant::now()))
}
