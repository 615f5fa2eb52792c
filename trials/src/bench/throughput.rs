//! The throughput of an engine, beside what one pipelined client writes to B directly with multis of 100.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use zookeeper_client::Client;

use super::load::{self, Log};
use super::sight::Sight;
use super::{Machine, Request, client};
use crate::table::Table;
use crate::world::{Engine, Side, World};

/// Updates a second, from the first write of a flood on A to the last one on B.
pub(super) async fn through(
    world: &World,
    a: &Client,
    sight: Sight,
    request: &Request,
) -> Result<(f64, Sight)> {
    let log = Log::new(request.flood);
    let following = tokio::spawn(sight.follow(Arc::clone(&log), Duration::from_secs(30)));
    let began = Instant::now();
    load::flood(a, 0, request.flood, request.tree).await?;
    let (seen, sight) = following.await??;
    anyhow::ensure!(
        seen >= request.flood,
        "{} updates did not come through: {}",
        request.flood - seen,
        engine(world)
    );
    Ok((request.flood as f64 / began.elapsed().as_secs_f64(), sight))
}

/// Updates a second while the engine works off what has gathered during a pause.
async fn backlog(world: &World, a: &Client, sight: Sight, request: &Request) -> Result<(f64, Sight)> {
    let log = Log::new(request.flood);
    let Some(engine) = world.engines.first() else {
        anyhow::bail!("no engine");
    };
    engine.verb("pause").await?;
    load::flood(a, 0, request.flood, request.tree).await?;
    let following = tokio::spawn(sight.follow(Arc::clone(&log), Duration::from_secs(30)));
    let began = Instant::now();
    engine.verb("resume").await?;
    let (seen, sight) = following.await??;
    anyhow::ensure!(
        seen >= request.flood,
        "{} updates did not come through: {}",
        request.flood - seen,
        engine.last_words()
    );
    Ok((request.flood as f64 / began.elapsed().as_secs_f64(), sight))
}

fn engine(world: &World) -> String {
    world.engines.first().map(Engine::last_words).unwrap_or_default()
}

/// Updates a second that a client writes to B directly, to a tree that the engine leaves out.
async fn direct(b: &Client, request: &Request) -> Result<f64> {
    let took = load::flood(b, 0, request.flood, request.tree).await?;
    Ok(request.flood as f64 / took.as_secs_f64())
}

/// The table. Each figure is the median of three, measured in turn.
pub(super) async fn table(world: &World, request: &Request) -> Result<Table> {
    let a = client(world, Side::A).await?;
    // A tree that only B has; the engine is told to leave it out.
    let b = client(world, Side::B).await?;
    b.create(super::DIRECT, b"", &crate::client::OPEN).await?;
    let b = b
        .chroot(super::DIRECT)
        .map_err(|_| anyhow::anyhow!("no chroot"))?;
    load::tree(&b, request.tree.min(10_000)).await?;
    let own = Request {
        tree: request.tree.min(10_000),
        ..request.clone()
    };
    let mut sight = Sight::of(world.ensemble(Side::B)).await?;
    let (mut flooded, mut waited, mut directs) = (Vec::new(), Vec::new(), Vec::new());
    let machine = Machine::watch(world.engines.first().and_then(Engine::pid));
    for round in 0..4 {
        let client = direct(&b, &own).await?;
        let (flood, again) = through(world, &a, sight, request).await?;
        let (backlog, again) = match backlog(world, &a, again, request).await {
            Ok((backlog, again)) => (backlog, again),
            Err(error) => {
                println!("no backlog measured: {error:#}");
                (f64::NAN, Sight::of(world.ensemble(Side::B)).await?)
            }
        };
        sight = again;
        // The first round is for warming up.
        if round > 0 {
            directs.push(client);
            flooded.push(flood);
            waited.push(backlog);
        }
    }
    let [client, flood, backlog] = [directs, flooded, waited].map(median);
    let mut table = Table::new(["updates of 100 B", "updates/s", "ratio", "machine"]);
    table.row([
        "one client on B, multis of 100, 16 under way".into(),
        format!("{client:.0}"),
        "1".into(),
        machine.cell(),
    ]);
    let ratio = |rate: f64| format!("{:.2}", rate / client);
    table.row([
        "through the engine, while A takes them too".into(),
        format!("{flood:.0}"),
        ratio(flood),
        String::new(),
    ]);
    table.row([
        "through the engine, what waited while it was paused".into(),
        format!("{backlog:.0}"),
        ratio(backlog),
        String::new(),
    ]);
    Ok(table)
}

/// The middle one.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
