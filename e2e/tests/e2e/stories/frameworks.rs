//! Somebody else's framework library: a scheduler and an executor on pymesos, which knows only Apache Mesos.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mesolith_testkit::{Process, cache_dir, root, wait_until};

use crate::context::{Context, LIMIT};

/// A virtual environment with pymesos, kept between runs.
///
/// Its parser's C file was generated for older Pythons than Debian's, so it is generated again from its source.
pub(super) fn installed() -> anyhow::Result<PathBuf> {
    let dir = cache_dir().join("pymesos-0.3.15");
    // After an upgrade of Python the environment may be there and not work.
    let works = Command::new(dir.join("bin/python"))
        .args(["-c", "import pymesos"])
        .output();
    if works.is_ok_and(|output| output.status.success()) {
        return Ok(dir);
    }
    std::fs::remove_dir_all(&dir).ok();
    let script = format!(
        "set -e; python3 -m venv {0}; cd {0}; bin/pip install -q 'cython<3' 'setuptools<81' wheel
         bin/pip download -q --no-deps --no-binary :all: --no-build-isolation http-parser==0.9.0
         tar -xf http*parser-0.9.0.tar.gz; cd http*parser-0.9.0
         ../bin/cython -2 http_parser/parser.pyx; ../bin/pip install -q --no-build-isolation .
         ../bin/pip install -q --no-build-isolation pymesos==0.3.15",
        dir.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output()?;
    ensure!(
        output.status.success(),
        "install pymesos: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(dir)
}

pub(super) fn pymesos(cx: &Context) -> anyhow::Result<()> {
    let python = installed()?.join("bin/python");
    let scheduler = root().join("e2e/pymesos/scheduler.py");
    let work = tempfile::tempdir()?;
    let mut command = Command::new(python);
    command
        .arg("-u")
        .arg(scheduler)
        .arg(cx.leader()?)
        .current_dir(work.path());
    let process = Process::start(work.path(), "pymesos", command)?;
    let ended = wait_until("the framework to end", LIMIT, || {
        ensure!(!process.alive(), "it runs: {}", process.log_tail(20));
        Ok(process.log_tail(1))
    });
    let log = process.log_tail(25);
    process.stop(Duration::from_secs(5))?;
    let last = ended?;
    ensure!(last == "5 finished, failed: []", "it ended with: {log}");
    println!("    pymesos: {last}");
    // It said TEARDOWN, so nothing of it is active any more.
    let state = cx.state()?;
    let active = state["frameworks"].as_array().context("frameworks")?;
    ensure!(
        active.iter().all(|f| f["name"] != "pymesos-stories"),
        "it is still active"
    );
    Ok(())
}
