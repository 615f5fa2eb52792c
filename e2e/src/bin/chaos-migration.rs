//! Runs trials of a live migration under faults, on one world. The exit code is 1 when anything was wrong.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use mesolith_e2e::chaos::plan::{PHASES, plan};
use mesolith_e2e::chaos::{report, trial};
use mesolith_e2e::context::Context;

/// Trials of a live migration on real parts, under faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many trials
    #[arg(long, default_value_t = 100)]
    trials: usize,
    /// Decides everything
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of the first trial that is run, to run one again
    #[arg(long, default_value_t = 1)]
    first: usize,
    /// The last phase that a trial goes to
    #[arg(long, default_value = "DrainAgents")]
    last: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let last = PHASES
        .iter()
        .position(|phase| *phase == arguments.last)
        .with_context(|| {
            format!(
                "--last={}: a phase is one of {}",
                arguments.last,
                PHASES.join(", ")
            )
        })?;
    let cx = Context::up("mesolith-chaos", 78)?;
    let result = run(&cx, &arguments, last);
    if !matches!(result, Ok(true)) {
        cx.show_state();
        cx.keep_logs();
    }
    cx.down()?;
    Ok(if result? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether nothing was wrong. A trial that left something behind is the last one.
fn run(cx: &Context, arguments: &Arguments, last: usize) -> anyhow::Result<bool> {
    cx.wait_ready("mesoscluster", "local")?;
    let mut done = Vec::new();
    for planned in plan(arguments.seed, arguments.trials, last) {
        if planned.number < arguments.first {
            continue;
        }
        let outcome = trial::run(cx, &planned)?;
        println!(
            "{planned}: {:.1} s, {} hit, leaderless {:.1} s at most, {} of {} requests failed{}",
            outcome.took,
            outcome.hit,
            outcome.figures.leaderless.as_secs_f64(),
            outcome.figures.failed,
            outcome.figures.asked,
            if outcome.wrong.is_empty() { "" } else { ": WRONG" }
        );
        outcome.wrong.iter().for_each(|line| println!("    {line}"));
        let stop = !outcome.wrong.is_empty();
        done.push((planned, outcome));
        if stop {
            break;
        }
    }
    println!("\nseed {}\n{}", arguments.seed, report::table(&done));
    Ok(done.iter().all(|(_, outcome)| outcome.wrong.is_empty()))
}
