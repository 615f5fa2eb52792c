//! The lag from a write on A to the same write on B.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::load::{self, Log};
use super::sight::{self, Sight};
use super::{Machine, Request, client, world};
use crate::table::Table;
use crate::world::{Side, World};

/// Number of clients that write.
pub(super) const CLIENTS: usize = 8;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Percentiles(pub(super) [f64; 3]);

impl std::fmt::Display for Percentiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p95, p99] = self.0;
        write!(f, "{p50:.2} / {p95:.2} / {p99:.2}")
    }
}

/// Percentiles of the time between two moments of each update. A negative time counts as 0.
pub(super) fn between(from: &[AtomicU64], to: &[AtomicU64]) -> Percentiles {
    let pairs = from
        .iter()
        .zip(to)
        .map(|(from, to)| (from.load(Ordering::Relaxed), to.load(Ordering::Relaxed)));
    let mut times: Vec<_> = pairs
        .filter(|(from, to)| *from > 0 && *to > 0)
        .map(|(from, to)| to.saturating_sub(from))
        .collect();
    times.sort_unstable();
    let at = |share: f64| {
        let index = (share * times.len() as f64) as usize;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .map_or(f64::NAN, |time| *time as f64 / 1e6)
    };
    Percentiles([at(0.5), at(0.95), at(0.99)])
}

/// The engine's own figures: its lag, and the time that B takes to answer it.
pub(super) async fn own(world: &World) -> [String; 2] {
    let Some(engine) = world.engines.first() else {
        return ["-".to_owned(), "-".to_owned()];
    };
    match engine.status().await {
        Ok(status) => ["lag_ms", "answer_ms"].map(|figure| {
            let field = |name: &str| status[figure][name].as_f64().unwrap_or(f64::NAN);
            Percentiles([field("p50"), field("p95"), field("p99")]).to_string()
        }),
        Err(error) => [format!("{error:#}"), String::new()],
    }
}

/// The result at one rate.
pub(super) struct Measured {
    pub(super) reached: f64,
    pub(super) acknowledged: Percentiles,
    pub(super) lost: usize,
    /// The time that A takes to answer its clients.
    pub(super) own_write: Percentiles,
    /// The engine's own figures: its lag, and the time that B takes to answer it.
    pub(super) own: [String; 2],
    pub(super) machine: String,
}

pub(super) async fn clients(world: &World) -> Result<Vec<Client>> {
    let mut all = Vec::new();
    for _ in 0..CLIENTS {
        all.push(client(world, Side::A).await?);
    }
    Ok(all)
}

pub(super) async fn measure(
    world: &World,
    clients: &[Client],
    sight: Sight,
    rate: u32,
    seconds: u64,
    tree: usize,
) -> Result<(Measured, Sight)> {
    let log = Log::new(usize::try_from(u64::from(rate) * seconds)?);
    let machine = Machine::watch(world.engines.first().and_then(crate::world::Engine::pid));
    let following = tokio::spawn(sight.follow(Arc::clone(&log), Duration::from_secs(20)));
    let reached = load::paced(clients, &log, rate, tree).await?;
    let (cell, own) = (machine.cell(), own(world).await);
    let (seen, sight) = following.await??;
    let measured = Measured {
        reached,
        acknowledged: between(&log.acknowledged, &log.seen),
        own_write: between(&log.sent, &log.acknowledged),
        lost: log.sent.len() - seen.min(log.sent.len()),
        own,
        machine: cell,
    };
    Ok((measured, sight))
}

/// The table for all rates.
pub(super) async fn table(world: &World, request: &Request) -> Result<Table> {
    let clients = clients(world).await?;
    let mut sight = Sight::of(world.ensemble(Side::B)).await?;
    let mut table = Table::new([
        "updates/s asked",
        "reached",
        "lag after the answer on A, ms, P50 / P95 / P99",
        "A's own answer to the writer, ms",
        "the engine's figure, of the last minute, ms",
        "of it B's answer to a request of the engine, ms",
        "lost",
        "machine",
    ]);
    // The first writes are slow, until the JVMs have compiled their code.
    (_, sight) = measure(world, &clients, sight, 2000, 10, request.tree).await?;
    for rate in &request.rates {
        let (measured, again) = measure(world, &clients, sight, *rate, request.seconds, request.tree).await?;
        sight = again;
        let [own, answers] = measured.own;
        table.row([
            rate.to_string(),
            format!("{:.0}", measured.reached),
            measured.acknowledged.to_string(),
            measured.own_write.to_string(),
            own,
            answers,
            measured.lost.to_string(),
            measured.machine,
        ]);
    }
    Ok(table)
}

/// The table for links with a delay, each in a world of its own.
pub(super) async fn links(request: &Request) -> Result<Table> {
    let mut table = Table::new([
        "delay each way, ms",
        "lag after the answer on A at 1,000/s, ms, P50 / P95 / P99",
        "lag P50 less the delay",
        "updates/s through the engine",
        "of no delay",
    ]);
    let mut first = None;
    for delay in std::iter::once(0).chain(request.delays.iter().copied()) {
        let slow = (delay > 0).then(|| Duration::from_millis(delay));
        let mut world = world(request, slow, true).await?;
        load::tree(&client(&world, Side::A).await?, request.tree).await?;
        sight::wait_equal(&mut world, Duration::from_secs(300)).await?;
        let clients = clients(&world).await?;
        let sight = Sight::of(world.ensemble(Side::B)).await?;
        let (_, sight) = measure(&world, &clients, sight, 2000, 10, request.tree).await?;
        let (measured, sight) = measure(&world, &clients, sight, 1000, request.seconds, request.tree).await?;
        let (through, _) = super::throughput::through(&world, &clients[0], sight, request).await?;
        let base = *first.get_or_insert(through);
        table.row([
            delay.to_string(),
            measured.acknowledged.to_string(),
            format!("{:.2}", measured.acknowledged.0[0] - delay as f64),
            format!("{through:.0}"),
            format!("{:.2}", through / base),
        ]);
    }
    Ok(table)
}
