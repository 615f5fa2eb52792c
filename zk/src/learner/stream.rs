//! One link to one leader, from the handshake to its end.

use super::connection::{Broken, Connection};
use super::link::{Effect, Link};
use super::packet::{LEADERINFO, Packet, ack_epoch, observer_info, pong};
use super::queue::{Item, Queue};
use super::{Config, Requests, TouchList};
use crate::record::Zxid;

/// Why a link ended, and where the next one goes on.
pub(super) enum End {
    /// Make another one.
    Broken(Broken),
    /// The leader wants to take transactions back.
    Truncated,
    /// No room for what comes.
    Full,
}

/// Runs the link; `last` is kept up to date, so that it holds when the link breaks.
pub(super) async fn run(
    address: &str,
    config: &Config,
    last: &mut Zxid,
    queue: &Queue,
    touch: &TouchList,
    requests: &Requests,
) -> End {
    let end = follow(address, config, last, queue, touch, requests).await;
    requests.close();
    end.unwrap_or_else(End::Broken)
}

async fn follow(
    address: &str,
    config: &Config,
    last: &mut Zxid,
    queue: &Queue,
    touch: &TouchList,
    requests: &Requests,
) -> Result<End, Broken> {
    let limit = config.handshake_limit;
    let mut connection = Connection::open(address, config.silence_limit).await?;
    connection.send(&observer_info(config.id))?;
    let info = connection.packet(limit).await?;
    if info.kind != LEADERINFO {
        let kind = info.kind;
        return Err(Broken::Protocol(format!(
            "the leader answers with a packet of type {kind} instead of LEADERINFO; it may want TLS or SASL"
        )));
    }
    connection.send(&ack_epoch(*last))?;
    let mut link = Link::new(*last);
    loop {
        let limit = if link.is_live() {
            config.silence_limit
        } else {
            limit
        };
        let packet = connection.packet(limit).await?;
        match link.take(packet).map_err(Broken::Protocol)? {
            Effect::ReadSnapshot(zxid) => {
                let tree = connection.snapshot(zxid, limit).await?;
                queue.push(Item::Snapshot(Box::new(tree)));
            }
            Effect::Commit(bytes) => {
                if !queue.push(Item::Txn(bytes)) {
                    return Ok(End::Full);
                }
            }
            Effect::Truncate(zxid) => {
                queue.push(Item::Truncated(zxid));
                return Ok(End::Truncated);
            }
            Effect::UpToDate => {
                // Sessions may have been without a sign of life since the old link was lost: do not wait for a ping.
                connection.send(&answer(link.last(), touch))?;
                requests.open(connection.outgoing());
                queue.push(Item::UpToDate);
            }
            Effect::Revalidated(session, lives) => {
                queue.push(Item::Revalidated(session, lives));
            }
            Effect::Synced => {
                queue.push(Item::Synced);
            }
            Effect::Send(packet) => connection.send(&packet)?,
            Effect::Pong(zxid) => connection.send(&answer(zxid, touch))?,
            Effect::Nothing => {}
        }
        // Only what is in the queue counts as taken.
        *last = link.last();
    }
}

fn answer(zxid: Zxid, touch: &TouchList) -> Packet {
    let sessions = touch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    pong(
        zxid,
        sessions.iter().map(|(session, timeout)| (*session, *timeout)),
    )
}
