//! Runs the stories in order, prints one line each in libtest's words, and takes the world down at the end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use crate::context::Context;

/// A story: its name and what happens.
pub(crate) type Story = (&'static str, fn(&Context) -> anyhow::Result<()>);

pub(crate) fn run(stories: &[Story]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        stories.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
    let stories: Vec<&Story> = stories.iter().filter(|(name, _)| chosen(name)).collect();
    println!("\nrunning {} tests", stories.len());
    if stories.is_empty() {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n");
        return ExitCode::SUCCESS;
    }

    let begun = Instant::now();
    let mut failures: Vec<(&str, String)> = Vec::new();
    let context = match Context::up("mesolith-e2e", 77) {
        Ok(context) => context,
        Err(error) => {
            println!("the world did not come up: {error:#}");
            println!(
                "\ntest result: FAILED. 0 passed; {} failed; 0 ignored",
                stories.len()
            );
            return ExitCode::FAILURE;
        }
    };
    println!("the world came up in {:.1} s", begun.elapsed().as_secs_f64());
    for (name, story) in &stories {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| story(&context)));
        let result = result.unwrap_or_else(|panic| Err(anyhow::anyhow!("{}", message_of(&*panic))));
        let seconds = begun.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("test {name} ... ok ({seconds:.1} s)"),
            Err(error) => {
                println!("test {name} ... FAILED ({seconds:.1} s)\n    {error:#}");
                context.show_state();
                failures.push((name, format!("{error:#}")));
            }
        }
    }
    finish(context, &failures, stories.len(), begun)
}

fn finish(context: Context, failures: &[(&str, String)], total: usize, begun: Instant) -> ExitCode {
    let mut failed = failures.len();
    if failed > 0 {
        println!("\nfailures:");
        failures
            .iter()
            .for_each(|(name, error)| println!("    {name}: {error}"));
        context.keep_logs();
    }
    if let Err(error) = context.down() {
        println!("    taking the world down: {error:#}");
        failed += 1;
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let passed = total.saturating_sub(failed);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; \
         finished in {seconds:.2}s\n"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}
