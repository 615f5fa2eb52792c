//! What a world may leave behind when its own programs could not clean up: processes, mounts, cgroups.
//!
//! Nothing is matched by program name. A process is ours when its command line or working directory lies below the
//! world's directory and it has no terminal (a person's shell or editor there is not ours), or when it is in the
//! control group of a task that a Mesos agent of that directory started. A mount is ours when its target lies there. Of
//! cgroups, only empty ones named `mesolith` or `mesos`, or below these, are removed.

use std::os::unix::fs::MetadataExt;
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
            if has_terminal(pid)? || !shares_root(pid) {
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

/// Whether a process sees the same files. The same path in another root (a container, a bare machine of `make ci-bare`)
/// is another directory.
fn shares_root(pid: u32) -> bool {
    let place = |root: &str| std::fs::metadata(root).map(|root| (root.dev(), root.ino()));
    matches!((place("/"), place(&format!("/proc/{pid}/root"))), (Ok(ours), Ok(theirs)) if ours == theirs)
}

/// Where Mesos agents note who started a container: their default `--runtime_dir`.
const MARKS: &str = "/var/run/mesos/containers";

/// Notes of tasks that an agent below a directory started. The file's name is that of the control group.
fn marks_of(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(MARKS).into_iter().flatten().flatten();
    let ours = |path: &PathBuf| {
        let text = std::fs::read(path).unwrap_or_default();
        let mark: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        mark["workDir"]
            .as_str()
            .is_some_and(|work| Path::new(work).starts_with(dir))
    };
    entries.map(|entry| entry.path()).filter(ours).collect()
}

/// Processes of tasks that an agent below a directory started, wherever they went since.
pub fn task_processes_of(dir: &Path) -> Vec<u32> {
    let names = marks_of(dir)
        .into_iter()
        .filter_map(|mark| mark.file_name().map(PathBuf::from));
    let groups = names.flat_map(|name| cgroups_of(&format!("mesos/{}", name.display())));
    let lists = groups.filter_map(|group| std::fs::read_to_string(group.join("cgroup.procs")).ok());
    let mut pids: Vec<u32> = lists
        .flat_map(|list| {
            list.lines()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect();
    pids.sort_unstable();
    pids.dedup();
    pids
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

/// Cgroups with this name in every hierarchy, e.g. `mesolith` or `mesos`.
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
    wait_until("the last processes to end", Duration::from_secs(10), || {
        let (left, tasks) = (processes_of(dir), task_processes_of(dir));
        // Again at every look: a task may have started another process meanwhile.
        for pid in left.iter().map(|(pid, _)| *pid).chain(tasks.iter().copied()) {
            if let Ok(pid) = i32::try_from(pid) {
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
        anyhow::ensure!(
            left.is_empty() && tasks.is_empty(),
            "still there: {left:?}, tasks {tasks:?}"
        );
        Ok(())
    })?;
    for mark in marks_of(dir) {
        std::fs::remove_file(mark).ok();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn the_same_path_in_another_root_is_somebody_elses() {
        let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::copy("/bin/busybox", root.path().join("busybox")).unwrap();
        let script = format!("read x; : {}/x", dir.path().display());
        let start = |program: &mut Command| program.stdin(Stdio::piped()).spawn().unwrap();
        let mut theirs = start(
            Command::new("chroot")
                .arg(root.path())
                .args(["/busybox", "sh", "-c", &script]),
        );
        wait_until("it to be in its root", Duration::from_secs(20), || {
            anyhow::ensure!(!shares_root(theirs.id()));
            Ok(())
        })
        .unwrap();
        let mut ours = start(Command::new("sh").args(["-c", &script]));
        let found: Vec<u32> = processes_of(dir.path()).iter().map(|(pid, _)| *pid).collect();
        assert_eq!(found, [ours.id()]);
        for process in [&mut theirs, &mut ours] {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Its command line and its working directory say nothing of the world; its control group does.
    #[test]
    fn a_task_that_went_elsewhere_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let name = format!("leftovers-test-{}", std::process::id());
        let group = Path::new("/sys/fs/cgroup/freezer/mesos").join(&name);
        std::fs::create_dir_all(&group).unwrap();
        let mut task = Command::new("sleep")
            .arg("1000")
            .current_dir("/")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        std::fs::write(group.join("cgroup.procs"), task.id().to_string()).unwrap();
        assert!(processes_of(dir.path()).is_empty() && task_processes_of(dir.path()).is_empty());

        std::fs::create_dir_all(MARKS).unwrap();
        let mark = serde_json::json!({"workDir": dir.path().join("nodes/a/work"), "endpoint": "x"});
        std::fs::write(Path::new(MARKS).join(&name), mark.to_string()).unwrap();
        assert_eq!(task_processes_of(dir.path()), [task.id()]);
        let waiting = std::thread::spawn(move || task.wait());
        sweep(dir.path()).unwrap();
        assert!(!waiting.join().unwrap().unwrap().success());
        assert!(marks_of(dir.path()).is_empty());
        std::fs::remove_dir(&group).unwrap();
    }
}
