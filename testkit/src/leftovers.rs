//! What a world may leave behind when its own programs could not clean up: processes, mounts, cgroups.
//!
//! Nothing is matched by program name. A process is ours when its command line or working directory lies below the
//! world's directory and it has no terminal (a person's shell or editor there is not ours); a mount when its target does, a cgroup when it is below a name only we use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait_until;

/// Processes that belong to a directory, other than this one.
pub fn processes_of(dir: &Path) -> Vec<(u32, String)> {
    let needle = format!("{}/", dir.display());
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != own)
        .filter_map(|pid| {
            if has_terminal(pid)? {
                return None;
            }
            let raw = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let line = String::from_utf8_lossy(&raw).replace('\0', " ");
            let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            let inside = !line.is_empty() && (line.contains(&needle) || cwd.starts_with(dir));
            inside.then(|| (pid, line.trim().to_owned()))
        })
        .collect()
}

/// Whether a process belongs to somebody's terminal; none when it is gone.
fn has_terminal(pid: u32) -> Option<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let terminal = stat.rsplit_once(')')?.1.split_whitespace().nth(4)?;
    Some(terminal != "0")
}

/// Mount points below a directory, deepest first.
pub fn mounts_of(dir: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let targets = text
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(PathBuf::from);
    let mut found: Vec<PathBuf> = targets.filter(|target| target.starts_with(dir)).collect();
    found.reverse();
    found
}

/// Cgroups of this name in every hierarchy, e.g. `mesolith` or `mesos`.
pub fn cgroups_of(name: &str) -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("/sys/fs/cgroup")];
    if let Ok(entries) = std::fs::read_dir("/sys/fs/cgroup") {
        roots.extend(entries.flatten().map(|e| e.path()));
    }
    let found = roots.into_iter().map(|root| root.join(name));
    found.filter(|path| path.join("cgroup.procs").is_file()).collect()
}

/// Kills processes and unmounts what lies below the directory.
pub(crate) fn sweep(dir: &Path) -> anyhow::Result<()> {
    for (pid, _) in processes_of(dir) {
        if let Ok(pid) = i32::try_from(pid) {
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
    }
    wait_until("the last processes to end", Duration::from_secs(10), || {
        let left = processes_of(dir);
        anyhow::ensure!(left.is_empty(), "still there: {left:?}");
        Ok(())
    })?;
    unmount(dir);
    Ok(())
}

/// Unmounts what is mounted below the directory, even when it is busy.
pub(crate) fn unmount(dir: &Path) {
    for target in mounts_of(dir) {
        std::process::Command::new("umount")
            .arg("-l")
            .arg(target)
            .output()
            .ok();
    }
}

/// Removes empty cgroups of this name, children first; one with processes in it stays.
pub(crate) fn remove_cgroups(name: &str) {
    for path in cgroups_of(name) {
        remove_empty(&path);
    }
}

fn remove_empty(path: &Path) {
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    for child in entries
        .flatten()
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
    {
        remove_empty(&child.path());
    }
    std::fs::remove_dir(path).ok();
}
