//! One trial.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{oneshot, watch};
use zookeeper_client::Client;

use super::{Request, Trial};
use crate::checker::{self, Difference, Expected};
use crate::client::{connect, create_surely, wait_for};
use crate::faults::{Fault, Injury};
use crate::world::{Side, World};
use crate::writers::{self, Record, Script};

/// Sessions of clients that live. Longer than any fault but [`Fault::LongAway`] holds.
const SESSION: Duration = Duration::from_secs(40);
/// Limit for a marker to come through, with ensembles that have just come back.
const PASSAGE: Duration = Duration::from_secs(120);
/// Clients of each side that writes.
const WRITERS: usize = 4;

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Nodes compared.
    pub nodes: usize,
    /// Writes that clients were told are done.
    pub writes: u64,
    /// Writes whose answer was lost.
    pub unknown: u64,
    /// Fields that differ.
    pub differences: Vec<Difference>,
    /// Whether they were gone five seconds later: then something was late, not wrong.
    pub late: bool,
    /// Acknowledged writes that B does not have.
    pub lost: Vec<Difference>,
    /// Ephemerals on B that were away though their client's session lived.
    pub expired: Vec<String>,
    /// Conflicts that were made and not counted by the engine.
    pub unlogged: u64,
    /// From the end of the fault to the first write after it being on B, in seconds.
    pub recovery: f64,
}

impl Outcome {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && self.lost.is_empty() && self.expired.is_empty() && self.unlogged == 0
    }

    /// A line for each thing that is wrong, at most thirty.
    pub fn violations(&self) -> Vec<String> {
        let late = if self.late { " (gone 5 s later)" } else { "" };
        let different = self.differences.iter().map(|d| format!("differs{late}: {d}"));
        let lost = self.lost.iter().map(|d| format!("lost: {d}"));
        let expired = self.expired.iter().map(|text| format!("expired: {text}"));
        let mut lines: Vec<_> = different.chain(lost).chain(expired).take(30).collect();
        if self.unlogged > 0 {
            lines.push(format!("{} conflicts are not counted", self.unlogged));
        }
        lines
            .iter_mut()
            .for_each(|line| *line = line.chars().take(400).collect());
        lines
    }
}

/// A writer at work.
struct Writer {
    side: Side,
    anchor: String,
    /// When B made the anchor's node.
    seen: i64,
    task: tokio::task::JoinHandle<Result<Record>>,
}

pub(super) async fn run(world: &mut World, trial: &Trial, request: &Request) -> Result<Outcome> {
    let mut rng = StdRng::seed_from_u64(trial.seed);
    let root = format!("/t{:x}", trial.seed);
    let observers = [observer(world, Side::A).await?, observer(world, Side::B).await?];
    for path in ["", "/shared", "/queue"] {
        create_surely(
            &observers[0],
            &format!("{root}{path}"),
            b"",
            Duration::from_secs(60),
        )
        .await?;
    }
    let passed = wait_for(&observers[1], &format!("{root}/queue"), true, PASSAGE).await;
    passed.with_context(|| format!("before the fault, {}", engines(world)))?;

    let (stop, stopped) = watch::channel(false);
    let sides: &[Side] = if request.both {
        &[Side::A, Side::B]
    } else {
        &[Side::A]
    };
    let mut writers = Vec::new();
    for number in 0..WRITERS * sides.len() {
        let side = sides[number % sides.len()];
        writers.push(start_writer(world, side, number, &root, rng.random(), &stopped, &observers).await?);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = conflicts(world).await;
    let injury = trial.fault.happen(world, &mut rng, request.away).await?;
    let made = if trial.fault == Fault::Conflict {
        make_conflicts(world, &observers, &root).await?
    } else {
        0
    };
    let recovery = first_passage(world, &observers, &root, injury).await?;
    tokio::time::sleep(Duration::from_millis(1000)).await;
    stop.send_replace(true);
    let mut records = Vec::new();
    for writer in writers {
        let record = writer.task.await.context("a writer broke")??;
        records.push((writer.side, writer.anchor, writer.seen, record));
    }
    quiet(world, &observers, &records, &root, sides).await?;

    let mut outcome = Outcome {
        recovery,
        ..Outcome::default()
    };
    compare(&observers, &root, &mut outcome).await?;
    check_records(&observers[1], &root, &records, trial.fault, &mut outcome).await?;
    if made > 0 {
        let counted = conflicts(world).await.saturating_sub(before);
        outcome.unlogged = made.saturating_sub(counted);
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
    side: Side,
    number: usize,
    root: &str,
    seed: u64,
    stopped: &watch::Receiver<bool>,
    observers: &[Client; 2],
) -> Result<Writer> {
    let script = Script {
        servers: world.ensemble(side).connect_string(),
        version: world.version(side),
        root: root.to_owned(),
        number,
        seed,
        pace: Duration::from_millis(30),
        session: SESSION,
    };
    let (ready, anchor) = oneshot::channel();
    let task = tokio::spawn(writers::run(script, ready, stopped.clone()));
    let Ok(anchor) = anchor.await else {
        task.await.context("a writer broke")??;
        anyhow::bail!("a writer ended at once");
    };
    wait_for(&observers[1], &anchor, true, PASSAGE).await?;
    let stat = observers[1].check_stat(&anchor).await?;
    let seen = stat.with_context(|| format!("{anchor} went away at once"))?.czxid;
    Ok(Writer {
        side,
        anchor,
        seen,
        task,
    })
}

/// Seconds from the end of a fault until something written on A after it is on B.
async fn first_passage(world: &World, observers: &[Client; 2], root: &str, injury: Injury) -> Result<f64> {
    let marker = format!("{root}/healed");
    create_surely(&observers[0], &marker, b"", PASSAGE).await?;
    let passed = wait_for(&observers[1], &marker, true, PASSAGE).await;
    passed.with_context(|| format!("held {:.1} s; {}", injury.held.as_secs_f64(), engines(world)))?;
    Ok(injury.healed.elapsed().as_secs_f64())
}

/// Waits until nothing changes on A any more, and until B has it all.
async fn quiet(
    world: &World,
    observers: &[Client; 2],
    records: &[(Side, String, i64, Record)],
    root: &str,
    sides: &[Side],
) -> Result<()> {
    for (side, _, _, record) in records {
        let observer = &observers[usize::from(*side == Side::B)];
        let gone = record
            .orphans
            .iter()
            .map(|path| wait_for(observer, path, false, PASSAGE));
        try_join_all(gone)
            .await
            .context("a lost session does not expire")?;
    }
    for (number, side) in sides.iter().enumerate() {
        let marker = format!("{root}/end-{number}");
        let at = usize::from(*side == Side::B);
        create_surely(&observers[at], &marker, b"", PASSAGE).await?;
        let passed = wait_for(&observers[1 - at], &marker, true, PASSAGE).await;
        passed.with_context(|| format!("the end, from {side}; {}", engines(world)))?;
    }
    Ok(())
}

async fn compare(observers: &[Client; 2], root: &str, outcome: &mut Outcome) -> Result<()> {
    let (a, b) = tokio::try_join!(
        checker::read(&observers[0], root, &[]),
        checker::read(&observers[1], root, &[])
    )?;
    outcome.nodes = a.len();
    outcome.differences = checker::compare(&a, &b);
    if !outcome.differences.is_empty() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (a, b) = tokio::try_join!(
            checker::read(&observers[0], root, &[]),
            checker::read(&observers[1], root, &[])
        )?;
        outcome.late = checker::compare(&a, &b).is_empty();
    }
    Ok(())
}

/// Whether B has what each writer was promised.
async fn check_records(
    b: &Client,
    root: &str,
    records: &[(Side, String, i64, Record)],
    fault: Fault,
    outcome: &mut Outcome,
) -> Result<()> {
    let tree = checker::read(b, root, &[]).await?;
    for (_, anchor, seen, record) in records {
        outcome.writes += record.done;
        outcome.unknown += record.unknown;
        let relative = |path: &String| path.strip_prefix(root).unwrap_or(path).to_owned();
        let expected: Expected = record
            .expected
            .iter()
            .map(|(path, values)| (relative(path), values.clone()))
            .collect();
        outcome.lost.extend(checker::lost(&expected, &tree));
        // No engine for longer than the session's timeout: B had to let it expire.
        let excused = record.expired || fault == Fault::LongAway;
        let there = tree.get(&relative(anchor));
        match there {
            Some(node) if node.stat.czxid == *seen => {}
            _ if excused => {}
            None => outcome.expired.push(format!("{anchor} is gone")),
            Some(node) => {
                let text = format!("{anchor} was made again: {seen:#x}, now {:#x}", node.stat.czxid);
                outcome.expired.push(text);
            }
        }
    }
    Ok(())
}

/// Both sides change the same nodes while all engines stand still, so that neither has seen the other's.
async fn make_conflicts(world: &World, observers: &[Client; 2], root: &str) -> Result<u64> {
    let paths: Vec<_> = (0..3).map(|number| format!("{root}/fought-{number}")).collect();
    for path in &paths {
        create_surely(&observers[0], path, b"at first", PASSAGE).await?;
        wait_for(&observers[1], path, true, PASSAGE).await?;
    }
    world.engines.iter().for_each(crate::world::Engine::pause);
    let written = async {
        for path in &paths {
            observers[0].set_data(path, b"of A", None).await?;
            observers[1].set_data(path, b"of B", None).await?;
        }
        anyhow::Ok(())
    };
    let written = written.await;
    world.engines.iter().for_each(crate::world::Engine::resume);
    written?;
    Ok(paths.len() as u64)
}

/// Conflicts that the engines have counted.
async fn conflicts(world: &World) -> u64 {
    let mut most = 0;
    for engine in &world.engines {
        if let Ok(status) = engine.status().await {
            most = most.max(status["conflicts"].as_u64().unwrap_or(0));
        }
    }
    most
}

/// What the engines said last, for a report.
fn engines(world: &World) -> String {
    let words = world.engines.iter().map(crate::world::Engine::last_words);
    words.collect::<Vec<_>>().join("\n--\n")
}
