//! The machine under the world: real processes, containers and control groups, looked at from outside.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use mesolith_testkit::Docker;

/// Pids of processes whose command line has all of these arguments (as parts of single arguments).
pub fn pids(parts: &[&str]) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let all = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<u32> = all
        .filter(|pid| *pid != std::process::id() && matches(*pid, parts))
        .collect();
    found.sort_unstable();
    found
}

fn matches(pid: u32, parts: &[&str]) -> bool {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&raw);
    let arguments: Vec<&str> = line.split('\0').collect();
    // The shim that waits for a program carries our name too, but never the program's own arguments.
    !line.is_empty()
        && parts
            .iter()
            .all(|part| arguments.iter().any(|argument| argument.contains(part)))
}

/// The one process that matches.
pub fn pid(parts: &[&str]) -> anyhow::Result<u32> {
    match pids(parts)[..] {
        [one] => Ok(one),
        ref other => bail!("{} processes match {parts:?}: {other:?}", other.len()),
    }
}

/// `kill -9`, as a person would.
pub fn kill_9(pid: u32) -> anyhow::Result<()> {
    signal(pid, "9")
}

/// `kill -NAME`.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = std::process::Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()?;
    anyhow::ensure!(status.success(), "kill -{name} {pid}");
    Ok(())
}

/// Running containers of tasks: id -> pid of its first process.
pub fn containers(docker: &Docker) -> anyhow::Result<BTreeMap<String, String>> {
    let ids = docker.run(&["ps", "-q", "--no-trunc", "--filter", "name=^mesos-"])?;
    ids.split_whitespace()
        .map(|id| {
            let pid = docker.run(&["inspect", "--format", "{{.State.Pid}}", id])?;
            Ok((id.to_owned(), pid))
        })
        .collect()
}

/// The container of a task.
pub fn container_of(docker: &Docker, task: &str) -> anyhow::Result<String> {
    let ids = docker.run(&["ps", "-q", "--no-trunc", "--filter", "name=^mesos-"])?;
    for id in ids.split_whitespace() {
        let about = docker.run(&["inspect", "--format", "{{json .Config.Env}} {{json .Mounts}}", id])?;
        if about.contains(task) {
            return Ok(id.to_owned());
        }
    }
    Err(anyhow::anyhow!("containers: {ids:?}"))
        .context(format!("no running container carries MESOS_TASK_ID={task}"))
}
