//! The time to take over a large tree, beside ZooKeeper's own observer, which takes the same snapshot.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mesolith_testkit_zookeeper::Ensemble;
use mesolith_zk::four_letter;

use super::load::SIZE;
use super::throughput::median;
use super::{Machine, Request, client, load, observer, world};
use crate::table::Table;
use crate::world::{Options, Side, World};

async fn nodes(world: &World, side: Side) -> Result<u64> {
    let ensemble = world.ensemble(side);
    let leader = ensemble.server(ensemble.leader().await);
    Ok(four_letter::srvr(&leader, Duration::from_secs(10)).await?.znodes)
}

/// Time from the start of the engine's process until it reports that B is equal.
async fn engine(world: &mut World) -> Result<Duration> {
    let began = Instant::now();
    let engine = world.engines.first_mut().context("no engine")?;
    engine.start()?;
    engine.wait_state(&["in-sync"], Duration::from_secs(1800)).await?;
    Ok(began.elapsed())
}

const HEADING: [&str; 6] = ["bootstrap", "znodes", "seconds", "ratio", "memory", "machine"];

/// Time in seconds that ZooKeeper's own observer takes; the median of three.
async fn own(world: &World, request: &Request, nodes: u64) -> Result<f64> {
    let setup = request.version.setup();
    let mut times = Vec::new();
    for _ in 0..3 {
        let took = observer::join(world.ensemble(Side::A), &setup, world.options.heap, nodes).await?;
        times.push(took.as_secs_f64());
    }
    Ok(median(times))
}

fn first_row(nodes: u64, seconds: f64) -> [String; 6] {
    let what = "ZooKeeper's own observer, from its start until it serves";
    let cells = [what, &nodes.to_string(), &format!("{seconds:.2}"), "1", "", ""];
    cells.map(str::to_owned)
}

/// The table without an engine.
async fn alone(world: &World, request: &Request) -> Result<Table> {
    load::tree(&client(world, Side::A).await?, request.bootstrap).await?;
    let all = nodes(world, Side::A).await?;
    let mut table = Table::new(HEADING);
    table.row(first_row(all, own(world, request, all).await?));
    Ok(table)
}

/// Three times in seconds: until B's folders are filled; from then until B is equal, whose servers are started in
/// between; and the time that B's servers take to start from these folders without an engine.
async fn seeded(request: &Request) -> Result<[f64; 3]> {
    let options = Options {
        seeded: true,
        ..super::options(request, None, false)?
    };
    let mut world = World::start(options).await?;
    load::tree(&client(&world, Side::A).await?, request.bootstrap).await?;
    let began = Instant::now();
    let engine = world.engines.first_mut().context("no engine")?;
    engine.start()?;
    let until = began + Duration::from_secs(600);
    while !filled(world.ensemble(Side::B)) {
        if Instant::now() > until {
            bail!("the folders are not filled: {}", engine_words(&world));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let written = began.elapsed().as_secs_f64();
    let b = world.ensemble_mut(Side::B);
    (1..=b.len()).for_each(|id| b.spawn(id));
    let engine = world.engines.first_mut().context("no engine")?;
    engine.wait_state(&["in-sync"], Duration::from_secs(600)).await?;
    let took = began.elapsed().as_secs_f64();
    let [a, b] = [nodes(&world, Side::A).await?, nodes(&world, Side::B).await?];
    if b < a {
        bail!("the engine says that B is equal; A has {a} znodes, B {b}");
    }
    Ok([written, took, restarted(&mut world).await])
}

async fn restarted(world: &mut World) -> f64 {
    world.engines.iter_mut().for_each(crate::world::Engine::kill);
    let b = world.ensemble_mut(Side::B);
    (1..=b.len()).for_each(|id| b.kill(id));
    let began = Instant::now();
    (1..=b.len()).for_each(|id| b.spawn(id));
    b.wait_all().await;
    began.elapsed().as_secs_f64()
}

fn engine_words(world: &World) -> String {
    world
        .engines
        .first()
        .map(crate::world::Engine::last_words)
        .unwrap_or_default()
}

/// Whether each server has a snapshot. The engine gives a snapshot its name once it is complete.
fn filled(b: &Ensemble) -> bool {
    let has = |id| {
        let files = std::fs::read_dir(b.data(id)).into_iter().flatten().flatten();
        files
            .into_iter()
            .any(|file| file.file_name().to_string_lossy().starts_with("snapshot."))
    };
    (1..=b.len()).all(has)
}

/// The table of times and memory.
pub(super) async fn table(request: &Request) -> Result<Table> {
    let mut world = world(request, None, false).await?;
    if request.itself {
        return alone(&world, request).await;
    }
    // The memory that the program takes with almost nothing to hold.
    engine(&mut world).await?;
    let empty = memory(&world)?;
    world.engines.iter_mut().for_each(crate::world::Engine::kill);

    load::tree(&client(&world, Side::A).await?, request.bootstrap).await?;
    let all = nodes(&world, Side::A).await?;
    let theirs = own(&world, request, all).await?;
    let machine = Machine::watch(None);
    let took = engine(&mut world).await?.as_secs_f64();
    let machine = machine.cell();
    let there = nodes(&world, Side::B).await?;
    if there < all {
        bail!("the engine says that B is equal; A has {all} znodes, B {there}");
    }
    let full = memory(&world)?;
    let each = (full.saturating_sub(empty)) as f64 / all as f64;
    let mut table = Table::new(HEADING);
    table.row(first_row(all, theirs));
    table.row([
        "the engine into an empty B, through its link".into(),
        all.to_string(),
        format!("{took:.2}"),
        format!("{:.2}", took / theirs),
        format!(
            "{each:.0} B a znode, {:.0} B beyond its {SIZE} B of data ({:.0} MB; {:.0} MB when empty)",
            each - SIZE as f64,
            full as f64 / 1e6,
            empty as f64 / 1e6
        ),
        machine,
    ]);
    drop(world);
    match seeded(request).await {
        Ok(times) => {
            let rows = [
                "the engine by file, until the folders of a B that was never started are filled",
                "the same, until B's servers have started and are equal",
                "of that, ZooKeeper's part: B's servers started again from their folders, without an engine",
            ];
            for (what, took) in rows.into_iter().zip(times) {
                table.row([
                    what.into(),
                    all.to_string(),
                    format!("{took:.2}"),
                    format!("{:.2}", took / theirs),
                    String::new(),
                    String::new(),
                ]);
            }
        }
        Err(error) => println!("no seeding by file measured: {error:#}"),
    }
    Ok(table)
}

fn memory(world: &World) -> Result<u64> {
    world
        .engines
        .first()
        .and_then(crate::world::Engine::memory)
        .context("the engine does not run")
}
