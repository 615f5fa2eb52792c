//! Collects the results of the trials, by fault.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Outcome, Trial};
use crate::table::Table;

#[derive(Debug, Default)]
struct Row {
    trials: usize,
    writes: u64,
    failed: usize,
    differences: usize,
    refused: usize,
    lies: usize,
    lost: usize,
    expired: usize,
    unlogged: u64,
    /// Trials without a result, since the servers of one ensemble disagreed.
    torn: usize,
    recovery: Vec<f64>,
}

/// The results of all trials.
#[derive(Debug, Default)]
pub struct Report {
    rows: BTreeMap<String, Row>,
}

impl Report {
    /// Adds the result of a trial and prints it.
    pub(super) fn add(&mut self, trial: &Trial, outcome: Result<Outcome>) {
        let row = self.rows.entry(trial.fault.to_string()).or_default();
        row.trials += 1;
        let seed = trial.seed;
        match outcome {
            Err(error) => {
                row.failed += 1;
                println!("  trial {seed:#x}, {}: FAILED: {error:#}", trial.fault);
            }
            Ok(outcome) => {
                let verdict = match (outcome.is_good(), outcome.torn.is_empty()) {
                    (true, _) => "equal",
                    (false, true) => "VIOLATED",
                    (false, false) => "set aside",
                };
                println!(
                    "  trial {seed:#x}, {}: {verdict}, {} nodes, {} writes ({} unknown), {:.2} s to recover",
                    trial.fault, outcome.nodes, outcome.writes, outcome.unknown, outcome.recovery
                );
                for line in outcome.violations() {
                    println!("    {line}");
                }
                row.failed += outcome.ended.len();
                if !outcome.torn.is_empty() {
                    row.torn += 1;
                    return;
                }
                row.writes += outcome.writes;
                row.differences += outcome.differences.len();
                row.refused += outcome.refused;
                row.lies += outcome.lies.len();
                row.lost += outcome.lost.len();
                row.expired += outcome.expired.len();
                row.unlogged += outcome.unlogged();
                row.recovery.push(outcome.recovery);
            }
        }
    }

    /// Whether nothing was wrong in any trial.
    pub fn is_good(&self) -> bool {
        let bad = |row: &Row| {
            row.failed + row.differences + row.lies + row.lost + row.expired > 0 || row.unlogged > 0
        };
        !self.rows.values().any(bad)
    }

    /// The table.
    pub fn table(&self) -> Table {
        let mut table = Table::new([
            "fault",
            "trials",
            "acknowledged writes",
            "not finished",
            "differences",
            "fields of refused nodes, all named",
            "untrue claims",
            "lost writes",
            "expired sessions",
            "unlogged conflicts",
            "set aside: servers of one ensemble disagree",
            "seconds to recover, median / most",
        ]);
        let mut all = Row::default();
        for (fault, row) in &self.rows {
            all.trials += row.trials;
            all.writes += row.writes;
            all.failed += row.failed;
            all.differences += row.differences;
            all.refused += row.refused;
            all.lies += row.lies;
            all.lost += row.lost;
            all.expired += row.expired;
            all.unlogged += row.unlogged;
            all.torn += row.torn;
            all.recovery.extend(&row.recovery);
            table.row(cells(fault, row));
        }
        table.row(cells("all", &all));
        table
    }
}

fn cells(name: &str, row: &Row) -> [String; 12] {
    let mut recovery = row.recovery.clone();
    recovery.sort_by(f64::total_cmp);
    let recovery = match (recovery.get(recovery.len() / 2), recovery.last()) {
        (Some(median), Some(most)) => format!("{median:.2} / {most:.2}"),
        _ => "-".to_owned(),
    };
    [
        name.to_owned(),
        row.trials.to_string(),
        row.writes.to_string(),
        row.failed.to_string(),
        row.differences.to_string(),
        row.refused.to_string(),
        row.lies.to_string(),
        row.lost.to_string(),
        row.expired.to_string(),
        row.unlogged.to_string(),
        row.torn.to_string(),
        recovery,
    ]
}
