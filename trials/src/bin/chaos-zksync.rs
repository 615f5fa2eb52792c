//! Trials of the sync engine under faults; ends with 1 when anything was wrong.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use mesolith_trials::chaos::{self, Request};
use mesolith_trials::version::Version;

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
    /// Try the trials on one ensemble without an engine
    #[arg(long)]
    itself: bool,
    /// Only faults whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Versions of A and B, such as 3.4.14,3.9.3; random by default
    #[arg(long, value_delimiter = ',')]
    versions: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let versions = match arguments.versions.as_slice() {
        [a, b] => Some([Version::named(a)?, Version::named(b)?]),
        _ => None,
    };
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
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
