//! Somebody else's framework: a scheduler from the examples of pymesos, unmodified.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mesolith_testkit::{Process, cache_dir, wait_until};

use crate::context::{Context, LIMIT};

/// A virtual environment with pymesos, and its examples, kept between runs.
fn installed() -> anyhow::Result<PathBuf> {
    let dir = cache_dir().join("pymesos-0.3.15");
    if dir.join("ready").is_file() {
        return Ok(dir);
    }
    std::fs::remove_dir_all(&dir).ok();
    let script = format!(
        "set -e; python3 -m venv {0}; {0}/bin/pip install -q pymesos==0.3.15; \
         {0}/bin/pip download -q --no-deps --no-binary :all: --no-build-isolation -d {0}/source pymesos==0.3.15; \
         tar -C {0}/source --strip-components=1 -xf {0}/source/pymesos-0.3.15.tar.gz; touch {0}/ready",
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
    let dir = installed()?;
    let scheduler = dir.join("source/examples/scheduler.py");
    ensure!(scheduler.is_file(), "{} is not there", scheduler.display());
    let work = tempfile::tempdir()?;
    let mut command = Command::new(dir.join("bin/python"));
    command.arg("-u").arg(&scheduler).arg(cx.leader()?);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{}:{path}", dir.join("bin").display()))
        .current_dir(work.path());
    let process = Process::start(work.path(), "pymesos", command)?;
    let finished = wait_until("a finished task of pymesos", LIMIT, || {
        process.check()?;
        let state = cx.state()?;
        let frameworks = state["frameworks"].as_array().cloned().unwrap_or_default();
        let ours = frameworks
            .iter()
            .find(|f| f["name"] != "marathon")
            .context("it has not subscribed")?;
        let done = ours["completed_tasks"].as_array().cloned().unwrap_or_default();
        let states: Vec<_> = done.iter().map(|t| t["state"].clone()).collect();
        let finished = states.iter().filter(|s| *s == "TASK_FINISHED").count();
        ensure!(
            finished >= 1,
            "completed {states:?}, running {}; log: {}",
            ours["tasks"],
            process.log_tail(5)
        );
        Ok(finished)
    });
    let log = process.log_tail(10);
    process.stop(Duration::from_secs(10))?;
    let finished = finished.with_context(|| log)?;
    println!("    {finished} tasks finished");
    Ok(())
}
