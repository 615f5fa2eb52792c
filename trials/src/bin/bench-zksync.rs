//! Measures the sync engine on real ensembles.

use anyhow::Result;
use clap::Parser;
use mesolith_trials::bench::{self, Request};
use mesolith_trials::interrupt::interruptible;
use mesolith_trials::version::Version;

/// Measures the sync engine on real ensembles, beside what it is to be compared with.
///
/// Parts: a lag, b throughput, c bootstrap, d memory (with c), e cost to A, f other ways to copy, g links with a delay.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which parts
    #[arg(long, default_value = "abcdefg")]
    parts: String,
    /// Znodes in which updates are made
    #[arg(long, default_value_t = 100_000)]
    tree: usize,
    /// Znodes of the bootstrap
    #[arg(long, default_value_t = 1_000_000)]
    bootstrap: usize,
    /// Updates a second
    #[arg(long, value_delimiter = ',', default_value = "1000,5000,10000")]
    rates: Vec<u32>,
    /// How long each rate is kept up
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Updates that are written as fast as possible
    #[arg(long, default_value_t = 300_000)]
    flood: usize,
    /// Members of each ensemble
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Delays of the links, each way, in milliseconds
    #[arg(long, value_delimiter = ',', default_value = "1,10,50")]
    delays: Vec<u64>,
    /// Version of both ensembles
    #[arg(long, default_value = bench::VERSION.name)]
    version: String,
    /// Try the measurement on one ensemble without an engine
    #[arg(long)]
    itself: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let request = Request {
        parts: arguments.parts,
        tree: arguments.tree,
        bootstrap: arguments.bootstrap,
        rates: arguments.rates,
        seconds: arguments.seconds,
        flood: arguments.flood,
        members: arguments.members,
        delays: arguments.delays,
        version: Version::named(&arguments.version)?,
        itself: arguments.itself,
    };
    interruptible(bench::run(&request)).await
}
