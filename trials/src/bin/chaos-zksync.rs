//! Runs trials of the sync engine under faults. The exit code is 1 when anything was wrong.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use mesolith_trials::chaos::{self, Request};
use mesolith_trials::interrupt::interruptible;
use mesolith_trials::soak::{self, Soak};
use mesolith_trials::version::{PACKAGED, Version};
use mesolith_trials::world::{Options, World};
use mesolith_trials::{election, kazoo};

/// Trials of the sync engine on real ensembles, under faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many trials
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// Decides everything; a trial prints its own
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the engines are away in the trials in which they are away for long
    #[arg(long, default_value_t = 10.0)]
    minutes_down: f64,
    /// Clients write on both sides
    #[arg(long)]
    both: bool,
    /// Try what is asked for on one ensemble without an engine
    #[arg(long)]
    itself: bool,
    /// Only faults whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Versions of A and B, such as 3.4.14,3.9.3; random by default
    #[arg(long, value_delimiter = ',')]
    versions: Vec<String>,
    /// Instead: kazoo's recipes on A, and on B after the switch
    #[arg(long)]
    kazoo: bool,
    /// Instead: an election group on both sides, for this long, such as 60s
    #[arg(long, value_parser = length)]
    election: Option<Duration>,
    /// Instead: memory under load, for this long, such as 30m
    #[arg(long, value_parser = length)]
    soak: Option<Duration>,
    /// Updates a second of the soak
    #[arg(long, default_value_t = 2000)]
    rate: u32,
}

/// Parses `90s`, `30m` or `2h`.
fn length(text: &str) -> Result<Duration> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => anyhow::bail!("'{text}' is no length of time; write 90s, 30m or 2h"),
    };
    let number: u64 = number
        .parse()
        .with_context(|| format!("'{text}' is no length of time; write 90s, 30m or 2h"))?;
    Ok(Duration::from_secs(number * seconds))
}

fn verdict(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    interruptible(run(Arguments::parse())).await
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let versions = match arguments.versions.as_slice() {
        [] => None,
        [a, b] => Some([Version::named(a)?, Version::named(b)?]),
        _ => anyhow::bail!("--versions takes two: of A and of B, such as 3.4.14,3.9.3"),
    };
    if let Some(length) = arguments.soak {
        let (rate, itself) = (arguments.rate, arguments.itself);
        return Ok(verdict(soak::run(Soak { length, rate, itself }).await?));
    }
    if arguments.kazoo {
        kazoo::run(versions.unwrap_or([PACKAGED; 2]), arguments.itself).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(length) = arguments.election {
        return elect(&arguments, versions.unwrap_or([PACKAGED; 2]), length).await;
    }
    let report = chaos::run(&Request {
        trials: arguments.trials,
        seed: arguments.seed,
        away: Duration::from_secs_f64(arguments.minutes_down * 60.0),
        both: arguments.both,
        itself: arguments.itself,
        only: arguments.only,
        versions,
    })
    .await?;
    println!("\nseed {}\n\n{}", arguments.seed, report.table());
    Ok(verdict(report.is_good()))
}

async fn elect(arguments: &Arguments, versions: [Version; 2], length: Duration) -> Result<ExitCode> {
    let world = World::start(Options {
        versions,
        engines: if arguments.itself { 0 } else { 2 },
        flags: vec!["--paths".into(), "/=both".into()],
        ..Options::default()
    })
    .await?;
    let outcome = election::run(&world, arguments.seed, length).await?;
    println!(
        "{} joins, {} reigns, {} breaches",
        outcome.joins,
        outcome.reigns,
        outcome.breaches.len()
    );
    outcome.breaches.iter().for_each(|line| println!("  {line}"));
    Ok(verdict(outcome.breaches.is_empty()))
}
