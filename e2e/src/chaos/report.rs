//! The table of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::{Target, Trial};
use super::trial::Outcome;

/// One row for each target: trials, processes hit, median and longest way there and back, longest time without a leader,
/// requests, failed requests, trials in which something was wrong.
#[must_use]
pub fn table(trials: &[(Trial, Outcome)]) -> String {
    let mut rows: BTreeMap<Target, Vec<&Outcome>> = BTreeMap::new();
    for (trial, outcome) in trials {
        rows.entry(trial.target).or_default().push(outcome);
    }
    let mut table = String::from(
        "| hit | trials | processes | there and back, median / most | leaderless, most | requests | failed | wrong |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (target, outcomes) in &rows {
        table.push_str(&row(&format!("{target:?}"), outcomes));
    }
    let all: Vec<&Outcome> = trials.iter().map(|(_, outcome)| outcome).collect();
    table.push_str(&row("all", &all));
    table
}

fn row(name: &str, outcomes: &[&Outcome]) -> String {
    let mut took: Vec<f64> = outcomes.iter().map(|outcome| outcome.took).collect();
    took.sort_by(f64::total_cmp);
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    let most = took.last().copied().unwrap_or_default();
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(|outcome| of(outcome)).sum::<usize>();
    let leaderless = outcomes.iter().map(|outcome| outcome.figures.leaderless).max();
    format!(
        "| {name} | {} | {} | {median:.0} / {most:.0} s | {:.1} s | {} | {} | {} |\n",
        outcomes.len(),
        sum(|outcome| outcome.hit),
        leaderless.unwrap_or(Duration::ZERO).as_secs_f64(),
        sum(|outcome| outcome.figures.asked),
        sum(|outcome| outcome.figures.failed),
        sum(|outcome| usize::from(!outcome.wrong.is_empty())),
    )
}
