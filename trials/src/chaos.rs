//! Trials: clients write while a fault happens, and afterwards both sides must be equal.

mod plan;
mod report;
mod trial;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub use plan::{Kind, Trial, WorldPlan, plan};
pub use report::Report;
pub use trial::Outcome;

use crate::world::{Options, World};

/// Which trials to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// Number of trials.
    pub trials: usize,
    /// The seed that everything random comes from.
    pub seed: u64,
    /// How long the engines are away in [`crate::faults::Fault::LongAway`].
    pub away: Duration,
    /// Clients write on both sides.
    pub both: bool,
    /// Runs the trials on one ensemble without an engine, which tests the trials themselves.
    pub itself: bool,
    /// Only faults whose name contains this.
    pub only: Option<String>,
    /// Only with these versions of A and B.
    pub versions: Option<[crate::version::Version; 2]>,
}

/// Attempts to start a world.
const ATTEMPTS: u32 = 4;

/// Runs all trials and prints each. Goes on after a trial that failed, and after a world that does not start.
///
/// # Errors
/// When the logs of a failed trial cannot be kept.
pub async fn run(request: &Request) -> Result<Report> {
    let mut report = Report::default();
    for planned in plan(request) {
        let mut world = None;
        for trial in &planned.trials {
            let mut usable = match world.take() {
                Some(world) => world,
                None => match start(&planned, request).await {
                    Ok(world) => world,
                    Err(error) => {
                        report.add(trial, Err(error));
                        continue;
                    }
                },
            };
            let limit = Duration::from_secs(900) + request.away;
            let outcome = tokio::time::timeout(limit, trial::run(&mut usable, trial, request)).await;
            let mut outcome = outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("no end within {limit:?}")));
            if outcome.is_err() {
                let kept = trial::keep_logs(&usable, trial.seed).await?;
                outcome = outcome.with_context(|| format!("see {}", kept.display()));
            }
            // The world is not used again when a trial did not end, or when the servers of an ensemble disagree.
            if outcome.as_ref().is_ok_and(|outcome| outcome.torn.is_empty()) {
                world = Some(usable);
            }
            report.add(trial, outcome);
        }
    }
    Ok(report)
}

/// Starts a world. Servers with a wrong clock do not always find each other, which is not what the trials are about.
/// So a world that does not start is reported, and another one is made.
async fn start(planned: &WorldPlan, request: &Request) -> Result<World> {
    let limit = |n: usize| planned.buffers[n].map_or(String::new(), |bytes| format!(" ({bytes} bytes)"));
    let names = [0, 1]
        .map(|n| planned.versions[n].name.to_owned() + &limit(n))
        .join(" -> ");
    let mut attempt = 1;
    loop {
        let began = Instant::now();
        // Starting an ensemble may panic, so it runs in a task of its own.
        let world = tokio::spawn(World::start(options(planned, request))).await;
        let took = began.elapsed().as_secs_f64();
        match world.map_err(anyhow::Error::from).flatten() {
            Ok(world) => {
                println!("world {names} {:?}: up after {took:.1} s", planned.kind);
                return Ok(world);
            }
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => println!(
                "world {names} {:?}: not up after {took:.1} s, made again",
                planned.kind
            ),
        }
        attempt += 1;
    }
}

fn options(planned: &WorldPlan, request: &Request) -> Options {
    let mut options = Options {
        versions: planned.versions,
        engines: if request.itself { 0 } else { 2 },
        separate: planned.kind == Kind::Standard,
        flags: vec![
            "--paths".into(),
            if request.both { "/=both".into() } else { "/".into() },
        ],
        buffers: planned.buffers,
        // A leader keeps its last 500 changes for members that come back, and such a member reads them all: with nodes of
        // megabytes and 160 MiB, a member on a slow machine ran out of memory and ended.
        heap: 600,
        ..Options::default()
    };
    let left_out = planned.trials.iter().flat_map(|trial| {
        let root = plan::root(trial);
        let of_side = move |side| plan::LEFT_OUT.map(|path| format!("{root}/{side}{path}"));
        [crate::world::Side::A, crate::world::Side::B]
            .into_iter()
            .flat_map(of_side)
    });
    let left_out: Vec<_> = left_out.collect();
    options.flags.push(format!("--exclude={}", left_out.join(",")));
    match planned.kind {
        Kind::Standard => {}
        Kind::Slow(milliseconds) => options.delay = Some(Duration::from_millis(milliseconds)),
        Kind::SmallDisk => options.small_disk = Some(160),
        Kind::WrongClock(skew) => options.skew = Some(skew),
    }
    options
}
