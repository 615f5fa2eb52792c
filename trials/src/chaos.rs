//! Trials: clients write, something happens, and then both sides are the same.

mod plan;
mod report;
mod trial;

use std::time::{Duration, Instant};

use anyhow::Result;

pub use plan::{Kind, Trial, WorldPlan, plan};
pub use report::Report;
pub use trial::Outcome;

use crate::world::{Options, World};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// How many trials.
    pub trials: usize,
    /// Decides everything.
    pub seed: u64,
    /// How long the engines are away in [`crate::faults::Fault::LongAway`].
    pub away: Duration,
    /// Clients write on both sides.
    pub both: bool,
    /// Without an engine, on one ensemble: tries the trials.
    pub itself: bool,
    /// Only faults whose name contains this.
    pub only: Option<String>,
    /// Only with these versions of A and B.
    pub versions: Option<[crate::version::Version; 2]>,
}

/// Runs all of them and prints each. Goes on after a failed one.
///
/// # Errors
/// When a world cannot be made.
pub async fn run(request: &Request) -> Result<Report> {
    let mut report = Report::default();
    for planned in plan(request) {
        let mut world = None;
        for trial in &planned.trials {
            let mut usable = match world.take() {
                Some(world) => world,
                None => start(&planned, request).await?,
            };
            let limit = Duration::from_secs(900) + request.away;
            let outcome = tokio::time::timeout(limit, trial::run(&mut usable, trial, request)).await;
            let outcome = outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("no end within {limit:?}")));
            // What is left of a trial that did not end is nothing to begin the next one with.
            if outcome.is_ok() {
                world = Some(usable);
            }
            report.add(trial, outcome);
        }
    }
    Ok(report)
}

async fn start(planned: &WorldPlan, request: &Request) -> Result<World> {
    let began = Instant::now();
    let world = World::start(options(planned, request)).await?;
    let names = planned.versions.map(|version| version.name).join(" -> ");
    println!(
        "world {names} {:?}: up after {:.1} s",
        planned.kind,
        began.elapsed().as_secs_f64()
    );
    Ok(world)
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
        ..Options::default()
    };
    match planned.kind {
        Kind::Standard => {}
        Kind::Slow(milliseconds) => options.delay = Some(Duration::from_millis(milliseconds)),
        Kind::SmallDisk => options.small_disk = Some(160),
        Kind::WrongClock(skew) => options.skew = Some(skew),
    }
    options
}
