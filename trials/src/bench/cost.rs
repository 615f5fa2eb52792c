//! The cost of an engine for A: how fast clients write with nothing attached, with a plain observer, and with an
//! engine.

use std::time::Duration;

use anyhow::Result;
use zookeeper_client::Client;

use super::lag::clients;
use super::load::{self, Log};
use super::throughput::median;
use super::{Machine, Request, sight};
use crate::table::Table;
use crate::world::{Engine, Side, World};

/// Writes of one measurement.
const WRITES: usize = 60_000;
/// More than any server takes, so that only the clients' windows limit the rate.
const UNLIMITED: u32 = 1_000_000;

async fn rate(clients: &[Client], request: &Request) -> Result<f64> {
    load::paced(clients, &Log::new(WRITES), UNLIMITED, request.tree).await
}

/// The table. Each figure is the median of three, measured in turn.
pub(super) async fn table(world: &mut World, request: &Request) -> Result<Table> {
    let clients = clients(world).await?;
    let (mut alone, mut observed, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    let machine = Machine::watch(None);
    for _ in 0..3 {
        world.engines.iter_mut().for_each(Engine::kill);
        alone.push(rate(&clients, request).await?);

        let (mut learner, spool) = sight::learner(world.ensemble(Side::A), 9_600_001)?;
        let observer = tokio::spawn(async move { while learner.next().await.is_ok() {} });
        tokio::time::sleep(Duration::from_secs(3)).await;
        observed.push(rate(&clients, request).await?);
        observer.abort();
        drop(spool);

        world.engines.iter_mut().try_for_each(Engine::start)?;
        sight::wait_equal(world, Duration::from_secs(300)).await?;
        synced.push(rate(&clients, request).await?);
        sight::wait_equal(world, Duration::from_secs(300)).await?;
    }
    let [alone, observed, synced] = [alone, observed, synced].map(median);
    let mut table = Table::new(["attached to A", "writes/s of 8 clients", "ratio", "machine"]);
    let ratio = |rate: f64| format!("{:.2}", rate / alone);
    table.row([
        "nothing".into(),
        format!("{alone:.0}"),
        "1".into(),
        machine.cell(),
    ]);
    table.row([
        "an observer that only reads".into(),
        format!("{observed:.0}"),
        ratio(observed),
        String::new(),
    ]);
    table.row([
        "the engine, B on the same machine".into(),
        format!("{synced:.0}"),
        ratio(synced),
        String::new(),
    ]);
    Ok(table)
}
