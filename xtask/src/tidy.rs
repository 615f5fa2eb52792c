//! House rules that no compiler checks: crate arrows, file headers, file sizes, words that must not stay.

mod arrows;
mod files;

use anyhow::bail;

/// Runs every check and reports all findings at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut findings = arrows::check()?;
    let report = files::check(&mut findings)?;
    println!("{report}");
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("{} findings", findings.len())
}
