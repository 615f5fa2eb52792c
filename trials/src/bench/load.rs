//! The load of the measurements: trees, updates at a rate, and floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;
use zookeeper_client::{Client, Error};

use crate::client::OPEN;

/// Root of everything that the measurements write.
pub(super) const ROOT: &str = "/bench";
/// Number of nodes that are updated; they are spread over the tree.
const UPDATED: usize = 1000;
/// Number of children of a folder.
const WIDTH: usize = 1000;
/// Changes in one multi. `performance.md` found this best for throughput.
const BATCH: usize = 100;
/// Most requests of one client without an answer. A server throttles at 1,000.
const WINDOW: usize = 500;
/// Bytes of a node's data.
pub(super) const SIZE: usize = 100;

/// Path of a node of the tree.
pub(super) fn path(number: usize) -> String {
    format!("{ROOT}/f{}/n{number}", number / WIDTH)
}

/// Path of the node that an update goes to.
fn updated(sequence: usize, tree: usize) -> String {
    let nodes = tree.min(UPDATED);
    path(sequence % nodes * (tree / nodes))
}

/// Data that carries the number of its update.
pub(super) fn data(sequence: usize) -> Vec<u8> {
    let mut data = format!("u{sequence:012}").into_bytes();
    data.resize(SIZE, b'.');
    data
}

/// The number of the update that data carries.
pub(super) fn sequence(data: &[u8]) -> Option<usize> {
    let digits = data.strip_prefix(b"u")?.get(..12)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Creates a tree, with multis.
///
/// # Errors
/// When a multi fails.
pub(super) async fn tree(client: &Client, nodes: usize) -> Result<()> {
    client.create(ROOT, b"", &OPEN).await?;
    let filler = [b'-'; SIZE];
    for folder in 0..nodes.div_ceil(WIDTH) {
        client.create(&format!("{ROOT}/f{folder}"), b"", &OPEN).await?;
    }
    let numbers: Vec<_> = (0..nodes).collect();
    multis(client, &numbers, |multi, number| {
        multi.add_create(&path(number), &filler, &OPEN)
    })
    .await
}

async fn multis<F>(client: &Client, numbers: &[usize], add: F) -> Result<()>
where
    F: Fn(&mut zookeeper_client::MultiWriter<'_>, usize) -> Result<(), Error>,
{
    let mut running = FuturesUnordered::new();
    for batch in numbers.chunks(BATCH) {
        let mut multi = client.new_multi_writer();
        for number in batch {
            add(&mut multi, *number)?;
        }
        running.push(multi.commit());
        if running.len() >= 16 {
            running.next().await.context("nothing runs")??;
        }
    }
    while let Some(done) = running.next().await {
        done?;
    }
    Ok(())
}

/// Writes updates as fast as one client can that keeps 16 multis of 100 on their way. Returns the time it took.
///
/// # Errors
/// When a multi fails.
pub(super) async fn flood(client: &Client, first: usize, count: usize, tree: usize) -> Result<Duration> {
    let began = Instant::now();
    let numbers: Vec<_> = (first..first + count).collect();
    multis(client, &numbers, |multi, number| {
        multi.add_set_data(&updated(number, tree), &data(number), None)
    })
    .await?;
    Ok(began.elapsed())
}

/// When each update was sent, acknowledged and seen, in nanoseconds since a common moment; 0 means never.
#[derive(Debug)]
pub(super) struct Log {
    began: Instant,
    /// When the writer sent it.
    pub(super) sent: Vec<AtomicU64>,
    /// When the writer got its answer.
    pub(super) acknowledged: Vec<AtomicU64>,
    /// When it was seen on the other side.
    pub(super) seen: Vec<AtomicU64>,
}

impl Log {
    /// A log for this number of updates.
    pub(super) fn new(count: usize) -> Arc<Self> {
        let fresh = || (0..count).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            began: Instant::now(),
            sent: fresh(),
            acknowledged: fresh(),
            seen: fresh(),
        })
    }

    /// Records that something happens now, unless it was recorded before.
    pub(super) fn note(&self, which: &[AtomicU64], sequence: usize) {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(entry) = which.get(sequence) {
            entry
                .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed)
                .ok();
        }
    }
}

/// Writes every update of the log at a rate, with the clients in turn. Returns the number of acknowledged updates a
/// second.
///
/// # Errors
/// When a write fails.
pub(super) async fn paced(clients: &[Client], log: &Arc<Log>, rate: u32, tree: usize) -> Result<f64> {
    let windows: Vec<_> = clients.iter().map(|_| Arc::new(Semaphore::new(WINDOW))).collect();
    let began = tokio::time::Instant::now();
    let count = log.sent.len();
    let mut tasks = tokio::task::JoinSet::new();
    for sequence in 0..count {
        tokio::time::sleep_until(began + Duration::from_secs(1) * u32::try_from(sequence)? / rate).await;
        let at = sequence % clients.len();
        let permit = Arc::clone(&windows[at]).acquire_owned().await?;
        log.note(&log.sent, sequence);
        // The client sends a request when the call is made, not when it is polled.
        let write = clients[at].set_data(&updated(sequence, tree), &data(sequence), None);
        let log = Arc::clone(log);
        tasks.spawn(async move {
            let done = write.await;
            log.note(&log.acknowledged, sequence);
            drop(permit);
            done.map(|_| ())
        });
        while let Some(done) = tasks.try_join_next() {
            done??;
        }
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
