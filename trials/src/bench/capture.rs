//! Two other ways to keep a copy, each in a small form: a recursive watch with a read for each event, and walks that
//! read everything again and again, as copy tools do.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream::{FuturesUnordered, StreamExt};
use zookeeper_client::{AddWatchMode, Client, EventType};

use super::lag::{clients, measure};
use super::load::ROOT;
use super::sight::Sight;
use super::{Request, client, sight};
use crate::table::Table;
use crate::world::{Engine, Side, World};

/// Most reads and writes without an answer at a time.
const WINDOW: usize = 256;

/// Copies by watch. Each event names a path; its data is then read from A and written to B.
async fn watch(a: Client, b: Client) -> Result<()> {
    let mut watcher = a.watch(ROOT, AddWatchMode::PersistentRecursive).await?;
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            event = watcher.changed(), if running.len() < WINDOW => {
                if event.event_type == EventType::NodeDataChanged {
                    running.push(copy(&a, &b, event.path));
                }
            }
            Some(done) = running.next() => done?,
        }
    }
}

async fn copy(a: &Client, b: &Client, path: String) -> Result<()> {
    let (data, _) = a.get_data(&path).await?;
    b.set_data(&path, &data, None).await?;
    Ok(())
}

/// Copies by walking: reads everything, writes what has changed since the last walk, and begins again. Reports how
/// long each walk took.
async fn walk(a: Client, b: Client, took: tokio::sync::watch::Sender<Vec<f64>>) -> Result<()> {
    let mut known: HashMap<String, Vec<u8>> = HashMap::new();
    loop {
        let began = std::time::Instant::now();
        let mut paths = Vec::new();
        for folder in a.list_children(ROOT).await? {
            let names = a.list_children(&format!("{ROOT}/{folder}")).await?;
            paths.extend(names.into_iter().map(|name| format!("{ROOT}/{folder}/{name}")));
        }
        let mut reads = futures::stream::iter(paths)
            .map(|path| async { a.get_data(&path).await.map(|(data, _)| (path, data)) })
            .buffer_unordered(WINDOW);
        let mut writes = FuturesUnordered::new();
        while let Some(read) = reads.next().await {
            let (path, data) = read?;
            if known.get(&path) != Some(&data) {
                if !known.is_empty() {
                    writes.push(b.set_data(&path, &data, None));
                }
                known.insert(path, data);
            }
            if writes.len() >= WINDOW {
                writes.next().await.context("nothing runs")??;
            }
        }
        while let Some(done) = writes.next().await {
            done?;
        }
        took.send_modify(|all| all.push(began.elapsed().as_secs_f64()));
    }
}

/// Measures all three ways at the lower rates. At the end no engine runs, and the versions on B differ from those on
/// A.
pub(super) async fn table(world: &mut World, request: &Request) -> Result<Table> {
    let clients = clients(world).await?;
    let mut table = Table::new([
        "way",
        "updates/s",
        "lag after the answer on A, ms, P50 / P95 / P99",
        "updates that B never saw",
        "machine",
    ]);
    sight::wait_equal(world, Duration::from_secs(300)).await?;
    let rates: Vec<_> = request.rates.iter().copied().take(2).collect();
    for way in ["the engine", "recursive watch", "walk"] {
        let (a, b) = (client(world, Side::A).await?, client(world, Side::B).await?);
        let (took, walks) = tokio::sync::watch::channel(Vec::new());
        if way != "the engine" {
            world.engines.iter_mut().for_each(Engine::kill);
        }
        let other = match way {
            "recursive watch" => Some(tokio::spawn(watch(a, b))),
            "walk" => Some(tokio::spawn(walk(a, b, took))),
            _ => None,
        };
        let mut sight = Sight::of(world.ensemble(Side::B)).await?;
        if way == "walk" {
            // The first walk only reads.
            let mut first = walks.clone();
            tokio::time::timeout(Duration::from_secs(300), first.wait_for(|all| !all.is_empty())).await??;
        }
        for rate in &rates {
            let (measured, again) =
                measure(world, &clients, sight, *rate, request.seconds, request.tree).await?;
            sight = again;
            let note = match walks.borrow().last() {
                Some(last) => format!("; the last walk took {last:.1} s"),
                None => String::new(),
            };
            table.row([
                format!("{way}{note}"),
                rate.to_string(),
                measured.acknowledged.to_string(),
                measured.lost.to_string(),
                measured.machine,
            ]);
        }
        if let Some(other) = other {
            if other.is_finished() {
                other.await??;
            } else {
                other.abort();
            }
        }
    }
    Ok(table)
}
