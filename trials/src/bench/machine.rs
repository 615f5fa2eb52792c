//! The load of the machine during a measurement. Without it a figure says little.

use std::fs;
use std::time::Instant;

/// The load between two moments.
#[derive(Debug)]
pub struct Machine {
    began: Instant,
    busy: u64,
    all: u64,
    process: Option<(u32, u64)>,
}

impl Machine {
    /// Starts now. The processor time of one process can be watched as well.
    pub fn watch(pid: Option<u32>) -> Self {
        let (busy, all) = processors();
        Self {
            began: Instant::now(),
            busy,
            all,
            process: pid.and_then(|pid| Some((pid, ticks(pid)?))),
        }
    }

    /// Share of all processors in percent, and the number of processors that the process used.
    pub fn seen(&self) -> (f64, f64) {
        let (busy, all) = processors();
        let busy = 100.0 * (busy - self.busy) as f64 / (all - self.all).max(1) as f64;
        let used = self
            .process
            .and_then(|(pid, before)| Some(ticks(pid)?.saturating_sub(before)));
        // Linux counts a process's time in hundredths of a second.
        (
            busy,
            used.unwrap_or(0) as f64 / 100.0 / self.began.elapsed().as_secs_f64(),
        )
    }

    /// As a cell of a table.
    pub fn cell(&self) -> String {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("?").to_owned();
        let (busy, engine) = self.seen();
        format!("{busy:.0} % busy, load {load}, engine {engine:.2} cores")
    }
}

fn processors() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let counts: Vec<u64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|count| count.parse().ok())
        .collect();
    let all = counts.iter().take(8).sum();
    let idle = counts.iter().skip(3).take(2).sum::<u64>();
    (all - idle.min(all), all)
}

fn ticks(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
