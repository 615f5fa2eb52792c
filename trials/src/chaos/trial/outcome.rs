//! The result of a trial.

use std::path::PathBuf;

use crate::checker::Difference;

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Number of nodes that were compared.
    pub nodes: usize,
    /// Number of writes that were acknowledged.
    pub writes: u64,
    /// Number of writes whose answer was lost.
    pub unknown: u64,
    /// Fields that differ.
    pub differences: Vec<Difference>,
    /// Fields that differ and that the engine names as refused.
    pub refused: usize,
    /// What the engine says and is not so.
    pub lies: Vec<String>,
    /// Whether they were gone five seconds later: then something was late, not wrong.
    pub late: bool,
    /// Acknowledged writes that the other side does not have.
    pub lost: Vec<Difference>,
    /// Ephemeral nodes that the other side has deleted although their client's session lived.
    pub expired: Vec<String>,
    /// Number of conflicts that were provoked.
    pub made: u64,
    /// Number of conflicts that the engines have counted.
    pub counted: u64,
    /// Engines that ended by themselves, with their last words.
    pub ended: Vec<String>,
    /// Nodes on which the servers of one ensemble disagree. Then the trial says nothing about the engine. The servers
    /// are compared when something is wrong, and when there is no engine.
    pub torn: Vec<String>,
    /// A file with the history of the first nodes that differ.
    pub history: Option<PathBuf>,
    /// Seconds from the end of the fault until the first later write is on B.
    pub recovery: f64,
}

impl Outcome {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.violations().is_empty()
    }

    /// Number of conflicts that were provoked and not counted, or counted and not provoked.
    pub fn unlogged(&self) -> u64 {
        self.made.abs_diff(self.counted)
    }

    /// A line for each thing that is wrong; at most thirty.
    pub fn violations(&self) -> Vec<String> {
        let late = if self.late { " (gone 5 s later)" } else { "" };
        let different = self.differences.iter().map(|d| format!("differs{late}: {d}"));
        let lost = self.lost.iter().map(|d| format!("lost: {d}"));
        let expired = self.expired.iter().map(|text| format!("expired: {text}"));
        let lies = self.lies.iter().map(|text| format!("not true: {text}"));
        let mut lines: Vec<_> = lies
            .chain(different)
            .chain(lost)
            .chain(expired)
            .take(30)
            .collect();
        lines
            .iter_mut()
            .for_each(|line| *line = line.chars().take(400).collect());
        let torn = self.torn.iter().take(5);
        lines.extend(torn.map(|line| format!("servers of one ensemble disagree: {line}")));
        if let Some(path) = &self.history {
            lines.push(format!("what the transaction logs say: {}", path.display()));
        }
        if self.unlogged() > 0 {
            lines.push(format!("conflicts: {} made, {} counted", self.made, self.counted));
        }
        lines.extend(
            self.ended
                .iter()
                .map(|words| format!("an engine ended by itself: {words}")),
        );
        lines
    }
}
