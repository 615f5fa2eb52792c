//! Runs one trial.

mod claim;
mod history;
mod judge;
mod outcome;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{oneshot, watch};
use zookeeper_client::Client;

use claim::Claim;
pub(super) use history::keep_logs;
pub use outcome::Outcome;

use super::plan::LEFT_OUT;
use super::{Request, Trial};
use crate::checker;
use crate::client::{connect, create_surely, wait_for};
use crate::faults::{Fault, Injury};
use crate::world::{Engine, Side, World};
use crate::writers::{self, Record, Script};

/// Session timeout of clients that stay. Longer than any fault holds except [`Fault::LongAway`].
const SESSION: Duration = Duration::from_secs(40);
/// Time limit for a marker to reach the other side, with ensembles that have just come back.
const PASSAGE: Duration = Duration::from_secs(120);
/// Number of clients on each side that writes.
const WRITERS: usize = 4;
/// Bytes that one of them may write in nodes near a limit.
const LARGE: usize = 24 << 20;

/// A writer that runs.
struct Writer {
    /// 0 on A, 1 on B.
    at: usize,
    /// When the other side created the writer's anchor.
    seen: i64,
    task: tokio::task::JoinHandle<Result<Record>>,
}

/// A writer that has ended.
struct Written {
    at: usize,
    seen: i64,
    record: Record,
}

const SIDES: [Side; 2] = [Side::A, Side::B];

pub(super) async fn run(world: &mut World, trial: &Trial, request: &Request) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(trial.seed);
    let root = super::plan::root(trial);
    let observers = [observer(world, Side::A).await?, observer(world, Side::B).await?];
    let sides = &SIDES[..if request.both { 2 } else { 1 }];
    // Only the writers of one side share nodes. If both sides wrote a node at once, that would be a conflict.
    let mut paths = vec![root.clone()];
    for side in sides {
        paths.extend(["", "/shared", "/queue"].map(|name| format!("{root}/{side}{name}")));
    }
    for path in &paths {
        create_surely(&observers[0], path, b"", Duration::from_secs(60)).await?;
    }
    for path in &paths {
        let passed = wait_for(&observers[1], path, true, PASSAGE).await;
        passed.with_context(|| format!("before the fault, {}", engines(world)))?;
    }

    let (stop, stopped) = watch::channel(false);
    let mut writers = Vec::new();
    for number in 0..WRITERS * sides.len() {
        let at = number % sides.len();
        writers.push(start_writer(world, at, number, &root, rng.random(), &stopped, &observers).await?);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = conflicts(world).await;
    let injury = trial.fault.happen(world, &mut rng, request.away).await?;
    let mut outcome = Outcome::default();
    if trial.fault == Fault::Conflict && !world.engines.is_empty() {
        outcome.made = make_conflicts(world, &observers, &root).await?;
    }
    outcome.recovery = first_passage(world, &observers, &root, injury).await?;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    stop.send_replace(true);
    let mut records = Vec::new();
    for Writer { at, seen, task } in writers {
        let record = task.await.context("a writer broke")??;
        records.push(Written { at, seen, record });
    }
    quiet(world, &observers, &records, &root, sides).await?;
    let claim = Claim::of(world).await?;
    judge::judge(&observers, &root, &records, trial.fault, &claim, &mut outcome).await?;
    outcome.counted = conflicts(world).await.saturating_sub(before);
    judge::revive(world, &mut outcome)?;
    if !outcome.is_good() || request.itself {
        for side in &SIDES[..if request.itself { 1 } else { 2 }] {
            let found = checker::members::disagreements(world.ensemble(*side), world.version(*side)).await?;
            outcome
                .torn
                .extend(found.into_iter().map(|line| format!("{side}'s {line}")));
        }
    }
    if !outcome.is_good() {
        outcome.history = Some(history::keep(world, &root, &outcome.differences)?);
    }
    Ok(outcome)
}

async fn observer(world: &World, side: Side) -> Result<Client> {
    connect(
        &world.ensemble(side).connect_string(),
        world.version(side),
        SESSION,
    )
    .await
}

async fn start_writer(
    world: &World,
    at: usize,
    number: usize,
    root: &str,
    seed: u64,
    stopped: &watch::Receiver<bool>,
    observers: &[Client; 2],
) -> Result<Writer> {
    let side = SIDES[at];
    let script = Script {
        servers: world.ensemble(side).connect_string(),
        version: world.version(side),
        containers: SIDES.iter().all(|side| world.version(*side).has_containers()),
        masks: SIDES.iter().all(|side| world.version(*side).takes_masks()),
        root: format!("{root}/{side}"),
        number,
        seed,
        pace: Duration::from_millis(30),
        session: SESSION,
        limits: [side, SIDES[1 - at]].map(|side| world.limit(side)),
        // A small disk is for another matter.
        large: if number < SIDES.len() && world.disk.is_none() {
            LARGE
        } else {
            0
        },
        many: number < SIDES.len(),
        left_out: LEFT_OUT.map(str::to_owned).into(),
    };
    let (ready, anchor) = oneshot::channel();
    let task = tokio::spawn(writers::run(script, ready, stopped.clone()));
    let Ok(anchor) = anchor.await else {
        task.await.context("a writer broke")??;
        anyhow::bail!("a writer ended at once");
    };
    let other = &observers[1 - at];
    let passed = wait_for(other, &anchor, true, PASSAGE).await;
    passed.with_context(|| format!("an ephemeral of {side}'s client, {}", engines(world)))?;
    let stat = other.check_stat(&anchor).await?;
    let seen = stat.with_context(|| format!("{anchor} went away at once"))?.czxid;
    Ok(Writer { at, seen, task })
}

/// Seconds from the end of a fault until a later write on A is on B.
async fn first_passage(world: &World, observers: &[Client; 2], root: &str, injury: Injury) -> Result<f64> {
    let marker = format!("{root}/healed");
    create_surely(&observers[0], &marker, b"", PASSAGE).await?;
    let passed = wait_for(&observers[1], &marker, true, PASSAGE).await;
    passed.with_context(|| format!("held {:.1} s; {}", injury.held.as_secs_f64(), engines(world)))?;
    Ok(injury.healed.elapsed().as_secs_f64())
}

/// Waits until nothing changes any more where clients have written, and until the other side has everything.
async fn quiet(
    world: &World,
    observers: &[Client; 2],
    records: &[Written],
    root: &str,
    sides: &[Side],
) -> Result<()> {
    for written in records {
        // The server may not have seen the last deletes yet.
        let synced = tokio::time::timeout(PASSAGE, observers[written.at].sync(root)).await;
        synced.context("sync: no answer")??;
        let gone = written
            .record
            .orphans
            .iter()
            .map(|path| wait_for(&observers[written.at], path, false, PASSAGE));
        try_join_all(gone)
            .await
            .context("a lost session does not expire")?;
    }
    in_sync(world).await?;
    for (at, side) in sides.iter().enumerate() {
        let marker = format!("{root}/end-{side}");
        create_surely(&observers[at], &marker, b"", PASSAGE).await?;
        let passed = wait_for(&observers[1 - at], &marker, true, PASSAGE).await;
        passed.with_context(|| format!("the end, from {side}; {}", engines(world)))?;
    }
    Ok(())
}

/// Waits until an engine reports that both sides are equal apart from the lag. If a leader had no history of what was
/// missed, a marker arrives before everything older was compared.
async fn in_sync(world: &World) -> Result<()> {
    let until = Instant::now() + PASSAGE;
    while !world.engines.is_empty() {
        for engine in &world.engines {
            if engine
                .status()
                .await
                .is_ok_and(|status| status["state"] == "in-sync" || status["state"] == "incomplete")
            {
                return Ok(());
            }
        }
        ensure!(
            Instant::now() < until,
            "no engine is in sync within {PASSAGE:?}; {}",
            engines(world)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Changes the same nodes on both sides while all engines are stopped, so that neither side knows of the other's
/// change.
async fn make_conflicts(world: &World, observers: &[Client; 2], root: &str) -> Result<u64> {
    let paths: Vec<_> = (0..3)
        .map(|number| format!("{root}{}{number}", judge::FOUGHT))
        .collect();
    for path in &paths {
        create_surely(&observers[0], path, b"at first", PASSAGE).await?;
        wait_for(&observers[1], path, true, PASSAGE).await?;
    }
    world.engines.iter().for_each(Engine::pause);
    let written = async {
        for path in &paths {
            observers[0].set_data(path, b"of A", None).await?;
            observers[1].set_data(path, b"of B", None).await?;
        }
        anyhow::Ok(())
    };
    let written = written.await;
    world.engines.iter().for_each(Engine::resume);
    written?;
    Ok(paths.len() as u64)
}

/// Number of conflicts that the engines have counted.
async fn conflicts(world: &World) -> u64 {
    let mut most = 0;
    for engine in &world.engines {
        if let Ok(status) = engine.status().await {
            most = most.max(status["conflicts"].as_u64().unwrap_or(0));
        }
    }
    most
}

/// The last words of each engine, for a report.
fn engines(world: &World) -> String {
    let words = world.engines.iter().map(Engine::last_words);
    words.collect::<Vec<_>>().join("\n--\n")
}
