//! The shim's notes in the runtime directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, Identity, durable};

pub(crate) const SPEC: &str = "spec.json";
pub(crate) const LOCK: &str = "lock";
pub(crate) const RUNNING: &str = "running.json";
pub(crate) const EXIT: &str = "exit.json";
pub(crate) const STOP: &str = "stop.json";

/// Written before the program runs, so that no process of ours is ever without a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) id: String,
    pub(crate) process: Identity,
    /// Unix seconds.
    pub(crate) started_at: i64,
    pub(crate) cgroup: Option<String>,
    /// OOM kills in the group before this launch.
    pub(crate) oom_kills_before: u64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Code or signal.
    pub status: Status,
    /// Whether the kernel's OOM killer struck inside its control group.
    pub oom_killed: bool,
    /// Unix seconds.
    pub finished_at: i64,
}

/// Exit code, signal, or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It ended by itself.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// The machine was rebooted or the shim was killed: nobody saw the end.
    Lost,
}

impl Exit {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.status == Status::Code(0)
    }

    /// As a shell shows it: the code, or 128 plus the signal; -1 when lost.
    pub fn shell_code(&self) -> i32 {
        match self.status {
            Status::Code(code) => code,
            Status::Signal(signal) => 128 + signal,
            Status::Lost => -1,
        }
    }

    pub(crate) fn lost() -> Self {
        Self {
            status: Status::Lost,
            oom_killed: false,
            finished_at: now(),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Status::Code(code) => write!(f, "exit code {code}")?,
            Status::Signal(signal) => {
                let name = nix::sys::signal::Signal::try_from(signal).map_or("unknown", |s| s.as_str());
                write!(f, "signal {signal} ({name})")?;
            }
            Status::Lost => write!(f, "end not seen (reboot, or its shim was killed)")?,
        }
        if self.oom_killed {
            write!(f, ", out of memory")
        } else {
            Ok(())
        }
    }
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a record; none when it was not written.
pub(crate) fn read<T: DeserializeOwned>(path: PathBuf) -> Result<Option<T>, Error> {
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::ReadRecord { path, source }),
    };
    match serde_json::from_slice(&text) {
        Ok(value) => Ok(Some(value)),
        Err(e) => Err(Error::ReadRecord {
            path,
            source: e.into(),
        }),
    }
}

pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    durable::write(path, &serde_json::to_vec_pretty(value)?)
}
