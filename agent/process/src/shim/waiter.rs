//! The `wait` stage: the program's parent. Keeps the record, waits, cleans up, writes the exit status.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::{OURSELVES, Report, failed, listen, stage, tell};
use crate::cgroup::{self, Group};
use crate::identity::Identity;
use crate::record::{self, Exit, Running, Status};
use crate::stop::Stop;
use crate::{durable, spec::Spec};

/// Pause between two checks whether the rest of a group has ended.
const POLL: Duration = Duration::from_millis(20);

/// How long leftovers of an ended program may take to die before the shim gives up on them.
const LEFTOVERS: Duration = Duration::from_secs(10);

pub(super) fn run(spec: &Spec, path: &Path) -> Result<(), Report> {
    cgroup::leave();
    // Grandchildren whose parent ends become ours, so they are found and reaped.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let group = match &spec.cgroup {
        Some(wanted) => Group::create(wanted).map_err(|e| failed("create the control group", e))?,
        None => None,
    };
    let oom_kills_before = group.as_ref().map_or(0, Group::oom_kills);
    let outcome = start(spec, path, oom_kills_before);
    let child = match outcome {
        Ok(child) => child,
        Err(report) => {
            let _ = durable::remove(&spec.dir.join(record::RUNNING));
            if let Some(group) = &group {
                let _ = group.remove();
            }
            return Err(report);
        }
    };
    tell(&Report::Running);
    close_report();
    let exit = wait(&child, group.as_ref(), spec, oom_kills_before);
    // Without this record the exit status is lost, so a full disk gets some time. When the directory is gone, nobody
    // reads the record any more.
    for _ in 0..600 {
        if record::write(&spec.dir.join(record::EXIT), &exit).is_ok() || !spec.dir.exists() {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    if let Some(group) = &group {
        let _ = group.remove();
    }
    Ok(())
}

/// Starts the `exec` stage, records it, lets it go on, and hears whether the program started.
fn start(spec: &Spec, path: &Path, oom_kills_before: u64) -> Result<Child, Report> {
    let mut child = stage(Path::new(OURSELVES), "exec", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| failed("start the shim", e))?;
    let running = Identity::of(child.id()).map(|process| Running {
        id: spec.id.clone(),
        process,
        started_at: record::now(),
        cgroup: spec.cgroup.as_ref().map(|c| c.path.clone()),
        oom_kills_before,
    });
    let recorded = running
        .ok_or_else(|| failed("start the shim", "it ended at once"))
        .and_then(|r| {
            record::write(&spec.dir.join(record::RUNNING), &r).map_err(|e| failed("record the pid", e))
        });
    if let Err(report) = recorded {
        // The child's input closes without the word, so it ends without running the program.
        drop(child.stdin.take());
        let _ = child.wait();
        return Err(report);
    }
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(super::child::GO);
    }
    match child.stdout.take().and_then(listen) {
        None => Ok(child),
        Some(report) => {
            let _ = child.wait();
            Err(report)
        }
    }
}

/// The starter's pipe must not stay open for the life of the program.
fn close_report() {
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdout(&null);
    }
}

fn wait(child: &Child, group: Option<&Group>, spec: &Spec, oom_kills_before: u64) -> Exit {
    let main = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let status = loop {
        // WNOWAIT: the pid stays ours until its group was killed, so that no stranger can get it in between.
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::Exited(pid, code)) if pid == main => break Status::Code(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == main => break Status::Signal(signal as i32),
            Ok(other) => {
                if let Some(pid) = other.pid() {
                    let _ = waitpid(pid, None);
                }
            }
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => break Status::Lost,
        }
    };
    let finished_at = record::now();
    let_finish(main, group, &spec.dir);
    let _ = killpg(main, Signal::SIGKILL);
    let _ = waitpid(main, None);
    if let Some(group) = group {
        group.kill_all(LEFTOVERS);
    }
    reap_the_rest();
    let oom_killed = group.is_some_and(|g| g.oom_kills() > oom_kills_before);
    Exit {
        status,
        oom_killed,
        finished_at,
    }
}

/// Waits for what the ended program left behind: to the end of the grace if it was asked to end, not at all if it ended
/// by itself. The program itself is not reaped yet, so that its process group stays ours.
fn let_finish(main: Pid, group: Option<&Group>, dir: &Path) {
    while let Ok(Some(stop)) = Stop::read(dir) {
        let ours: Vec<Pid> = children().into_iter().filter(|pid| *pid != main).collect();
        for pid in &ours {
            let _ = waitpid(*pid, Some(WaitPidFlag::WNOHANG));
        }
        let inside = group.map(Group::processes).unwrap_or_default();
        let mut all = ours.into_iter().chain(inside);
        let left = all.any(|pid| pid != main && runs(pid) && !is_shim(pid));
        if !left || stop.remaining().is_zero() {
            return;
        }
        std::thread::sleep(POLL);
    }
}

fn runs(pid: Pid) -> bool {
    u32::try_from(pid.as_raw()).is_ok_and(|pid| Identity::of(pid).is_some())
}

/// Kills and reaps what the program left behind and init would otherwise inherit. What it launched through a shim of
/// its own (a Mesos agent's tasks) is meant to outlive it: that shim became our child when its starter ended, and goes
/// on to init when we end.
fn reap_the_rest() {
    let deadline = Instant::now() + LEFTOVERS;
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            let ours: Vec<Pid> = children().into_iter().filter(|pid| !is_shim(*pid)).collect();
            if ours.is_empty() {
                return;
            }
            for pid in ours {
                let _ = kill(pid, Signal::SIGKILL);
            }
            if Instant::now() > deadline {
                return; // stuck in the kernel; the exit status matters more
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn is_shim(pid: Pid) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(super::MARK.as_bytes())
}

fn children() -> Vec<Pid> {
    let me = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .map(Pid::from_raw)
        .collect()
}
