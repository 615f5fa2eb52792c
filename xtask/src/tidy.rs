//! House rules that no compiler checks: crate arrows, circles of files, file headers, file sizes,
//! words that must not stay, reasons that nothing has.

mod arrows;
mod circles;
mod files;
mod reasons;

use anyhow::bail;

/// Runs every check and reports all findings at once.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut findings = arrows::check()?;
    let files = files::read()?;
    let report = files::check(&files, &mut findings);
    findings.extend(circles::check(&files));
    findings.extend(reasons::check(&files));
    println!("{report}");
    if findings.is_empty() {
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("{} findings", findings.len())
}
