//! A real process with its pid, start time and log on disk.
//!
//! The files make a process outlive the program that started it: `make down` finds what `make up` started, and a test
//! can look for leftovers. A pid alone can be reused by another process; pid and start time together cannot.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::wait_until;

/// One process; dropping the value leaves it running.
#[derive(Debug, Clone)]
pub struct Process {
    name: String,
    dir: PathBuf,
    pid: u32,
    started: u64,
}

impl Process {
    /// Starts `command` in a session of its own, with output appended to `<dir>/<name>.log`.
    ///
    /// `setsid` makes the session, so that the process gets no signals of the terminal and does not count as a
    /// program that a person runs.
    ///
    /// # Errors
    /// When the program cannot be started or the files cannot be written.
    pub fn start(dir: &Path, name: &str, command: Command) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let log = log_path(dir, name);
        let out: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("open {}", log.display()))?;
        let mut child = in_session(&command)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("start {name} with setsid (Debian package util-linux)"))?;
        let pid = child.id();
        let started = start_time(pid).unwrap_or_default();
        // Somebody has to reap it, or it stays a zombie that looks like a leftover.
        std::thread::spawn(move || child.wait());
        std::fs::write(dir.join(format!("{name}.pid")), format!("{pid} {started}"))?;
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            pid,
            started,
        })
    }

    /// Finds a process that an earlier run started there, if it is still alive.
    pub fn find(dir: &Path, name: &str) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(format!("{name}.pid"))).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let this = Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        };
        this.alive().then_some(this)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether its program file was replaced since it started, so that it runs an older build.
    pub fn is_outdated(&self) -> bool {
        let exe = std::fs::read_link(format!("/proc/{}/exe", self.pid)).unwrap_or_default();
        exe.to_string_lossy().ends_with(" (deleted)")
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        log_path(&self.dir, &self.name)
    }

    /// Whether it runs: the same process, and not a zombie.
    pub fn alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Fails with the end of its log when it has ended; for the body of a wait.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.alive() {
            return Ok(());
        }
        bail!(
            "{} has ended; its log is {}:\n{}",
            self.name,
            self.log().display(),
            self.log_tail(15)
        )
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// SIGKILL, and gone when this returns.
    ///
    /// # Errors
    /// When it does not go.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGKILL);
        self.wait_gone(Duration::from_secs(10))
    }

    /// SIGTERM, then SIGKILL when it is not gone within `grace`. Gone already is fine.
    ///
    /// # Errors
    /// When even SIGKILL does not end it.
    pub fn stop(&self, grace: Duration) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM);
        if self.wait_gone(grace).is_err() {
            self.kill()?;
        }
        std::fs::remove_file(self.dir.join(format!("{}.pid", self.name))).ok();
        Ok(())
    }

    /// Sends a signal if it is still the process we started.
    pub fn signal(&self, signal: Signal) {
        if let (true, Ok(pid)) = (self.alive(), i32::try_from(self.pid)) {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }

    fn wait_gone(&self, limit: Duration) -> anyhow::Result<()> {
        wait_until(&format!("{} (pid {}) to end", self.name, self.pid), limit, || {
            if self.alive() {
                bail!("it still runs; its log is {}", self.log().display())
            } else {
                Ok(())
            }
        })
    }
}

/// The same command under `setsid`, which keeps the pid.
fn in_session(command: &Command) -> Command {
    let mut outer = Command::new("/usr/bin/setsid");
    outer.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        outer.current_dir(dir);
    }
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(key, value),
            None => outer.env_remove(key),
        };
    }
    outer
}

fn log_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.log"))
}

/// Start time in clock ticks since boot; none for a process that is gone or a zombie.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold anything, so count from its end.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A killed program's first thread may be a zombie while others still hold its sockets.
    if matches!(fields.next()?, "Z" | "X") && threads(pid) <= 1 {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_again_and_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo hello; exec sleep 100"]);
        let process = Process::start(dir.path(), "sleeper", command).unwrap();
        wait_until("its output", Duration::from_secs(5), || {
            if process.log_tail(1) == "hello" {
                Ok(())
            } else {
                bail!("nothing yet")
            }
        })
        .unwrap();
        assert_eq!(
            Process::find(dir.path(), "sleeper").map(|p| p.pid()),
            Some(process.pid())
        );
        process.kill().unwrap();
        assert!(!process.alive());
        assert!(Process::find(dir.path(), "sleeper").is_none());
        assert!(process.check().unwrap_err().to_string().contains("hello"));
    }
}
