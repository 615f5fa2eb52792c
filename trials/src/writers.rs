//! Clients that write all that ZooKeeper can hold, in an order that a seed decides, and remember every answer.

mod hand;
mod large;
mod model;
pub mod sizes;

use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use zookeeper_client::Client;

use crate::checker::Expected;
use crate::client;
use crate::version::Version;
use hand::Hand;
use model::Step;

/// What a writer does.
#[derive(Debug, Clone)]
pub struct Script {
    /// Servers that it knows.
    pub servers: String,
    /// Their version.
    pub version: Version,
    /// Whether both sides have container nodes and nodes with a time to live; 3.4 cannot hold them.
    pub containers: bool,
    /// Lists may name addresses with a mask.
    pub masks: bool,
    /// The node that all writers of a trial share; it is there.
    pub root: String,
    /// Its number among them, which its own nodes begin with.
    pub number: usize,
    /// Decides everything.
    pub seed: u64,
    /// Pause between two writes; at most this.
    pub pace: Duration,
    /// Timeout of its session.
    pub session: Duration,
    /// `jute.maxbuffer` of the side that it writes to, and of the other one.
    pub limits: [usize; 2],
    /// Bytes that it may write in nodes near a limit.
    pub large: usize,
    /// Whether it makes thousands of children once.
    pub many: bool,
    /// Nodes that are not carried, from the root.
    pub left_out: Vec<String>,
}

/// The node below its own under which a writer has its large nodes, and many of them.
pub const LARGE_PARENT: &str = "large";

/// What came of it.
#[derive(Debug)]
pub struct Record {
    /// Keeps the session, and so the ephemerals, alive.
    pub client: Client,
    /// An ephemeral that lives as long as the session.
    pub anchor: String,
    /// Writes that were done.
    pub done: u64,
    /// Writes that were refused, as some must be.
    pub refused: u64,
    /// Writes whose answer was lost.
    pub unknown: u64,
    /// What the nodes must hold, by their full path.
    pub expected: Expected,
    /// Ephemerals of sessions that were left to expire.
    pub orphans: Vec<String>,
    /// The session was lost: nothing is known of its ephemerals.
    pub expired: bool,
}

/// Writes until told to stop.
///
/// # Errors
/// When there is no session at all.
pub async fn run(
    script: Script,
    ready: tokio::sync::oneshot::Sender<String>,
    stop: watch::Receiver<bool>,
) -> Result<Record> {
    let mut rng = StdRng::seed_from_u64(script.seed);
    let client = client::connect(&script.servers, script.version, script.session).await?;
    let mut hand = Hand::new(client, &script).await?;
    ready.send(hand.anchor().to_owned()).ok();
    // A trial that has failed drops its end.
    while !*stop.borrow() && stop.has_changed().is_ok() && !hand.expired() {
        let step = hand.choose(&mut rng);
        hand.take(step).await;
        let pause = script.pace.mul_f64(rng.random_range(0.0..1.0));
        tokio::time::sleep(pause).await;
    }
    Ok(hand.finish())
}
