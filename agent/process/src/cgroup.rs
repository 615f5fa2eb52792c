//! The control group of one process: created, limited, measured, emptied, removed.
//!
//! v1 with separate hierarchies is the tested case; a unified (v2) machine goes through the same calls of `cgroups-rs`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cgroups_rs::CgroupPid;
use cgroups_rs::fs::cpu::CpuController;
use cgroups_rs::fs::cpuacct::CpuAcctController;
use cgroups_rs::fs::freezer::FreezerController;
use cgroups_rs::fs::hierarchies;
use cgroups_rs::fs::memory::MemController;
use cgroups_rs::fs::{Cgroup, Controller};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::spec::CgroupSpec;

/// The controllers that we use. Without this list every hierarchy (devices, blkio, ...) of v1 would get a group.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "freezer"];
const PERIOD_MICROSECONDS: u64 = 100_000;

/// Resources in use, as the control group counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Processor time used so far, in seconds.
    pub cpu_seconds: f64,
    /// Memory in use (resident and cache charged to the group), bytes.
    pub memory_bytes: u64,
    /// Anonymous memory, which is part of `memory_bytes`, bytes.
    pub rss_bytes: u64,
    /// The memory limit, if there is one, bytes.
    pub memory_limit_bytes: Option<u64>,
    /// OOM kills in the group since it was created.
    pub oom_kills: u64,
    /// Processes in the group.
    pub processes: u64,
}

/// The cgroup hierarchy of this machine: `v1`, `v2`, `hybrid` or `none`.
pub fn hierarchy_version() -> &'static str {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else {
        return "none";
    };
    let has = |kind: &str| mounts.lines().any(|line| line.split(' ').nth(2) == Some(kind));
    match (has("cgroup"), has("cgroup2")) {
        (true, true) => "hybrid",
        (true, false) => "v1",
        (false, true) => "v2",
        (false, false) => "none",
    }
}

pub(crate) struct Group {
    inner: Cgroup,
}

impl Group {
    /// The group, which need not exist yet; `None` where the machine has no hierarchies.
    pub(crate) fn open(path: &str) -> Option<Self> {
        if hierarchy_version() == "none" {
            return None;
        }
        let names = CONTROLLERS.map(str::to_owned).to_vec();
        let inner = Cgroup::load_with_specified_controllers(hierarchies::auto(), relative(path), names);
        (!inner.subsystems().is_empty()).then_some(Self { inner })
    }

    /// Creates the group and sets its limits; `Ok(None)` where the machine has no hierarchies.
    pub(crate) fn create(spec: &CgroupSpec) -> Result<Option<Self>, String> {
        let Some(group) = Self::open(&spec.path) else {
            return Ok(None);
        };
        let error = |what: &str, e: cgroups_rs::fs::error::Error| format!("{what}: {e}");
        // The removal of another group may take the parent away while we create below it.
        let mut created = group.inner.create();
        for _ in 0..5 {
            if created.is_err() {
                created = group.inner.create();
            }
        }
        created.map_err(|e| error("create the group", e))?;
        if let Some(cpu) = group.inner.controller_of::<CpuController>() {
            if let Some(shares) = spec.cpu_shares {
                cpu.set_shares(shares.max(2))
                    .map_err(|e| error("set cpu shares", e))?;
            }
            let quota = spec
                .cpu_quota
                .map(|cpus| (cpus * PERIOD_MICROSECONDS as f64) as i64);
            cpu.set_cfs_period(PERIOD_MICROSECONDS)
                .map_err(|e| error("set the cpu period", e))?;
            // The kernel refuses quotas below a millisecond.
            cpu.set_cfs_quota(quota.map_or(-1, |q| q.max(1000)))
                .map_err(|e| error("set the cpu quota", e))?;
        }
        if let Some(memory) = group.inner.controller_of::<MemController>() {
            let limit = spec
                .memory_bytes
                .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
            memory
                .set_limit(limit)
                .map_err(|e| error("set the memory limit", e))?;
        }
        Ok(Some(group))
    }

    pub(crate) fn join(&self, pid: u32) -> Result<(), String> {
        self.inner
            .add_task_by_tgid(CgroupPid::from(u64::from(pid)))
            .map_err(|e| e.to_string())
    }

    pub(crate) fn processes(&self) -> Vec<Pid> {
        let ids = self
            .inner
            .procs()
            .into_iter()
            .filter_map(|p| i32::try_from(p.pid).ok());
        ids.filter(|pid| *pid > 0).map(Pid::from_raw).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        for pid in self.processes() {
            // The process may have ended in between, which is what we want anyway.
            let _ = kill(pid, signal);
        }
    }

    /// Sends SIGKILL to every process, frozen so that none can fork away; false when one still lives after `limit`.
    pub(crate) fn kill_all(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if self.processes().is_empty() {
                return true;
            }
            if let Some(freezer) = self.inner.controller_of::<FreezerController>() {
                let _ = freezer.freeze();
                self.signal(Signal::SIGKILL);
                let _ = freezer.thaw();
            }
            self.signal(Signal::SIGKILL);
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn oom_kills(&self) -> u64 {
        let Some(memory) = self.inner.controller_of::<MemController>() else {
            return 0;
        };
        let file = if self.inner.v2() {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let text = std::fs::read_to_string(PathBuf::from(memory.path()).join(file)).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats {
            oom_kills: self.oom_kills(),
            processes: self.processes().len() as u64,
            ..Stats::default()
        };
        if let Some(cpu) = self.inner.controller_of::<CpuAcctController>() {
            stats.cpu_seconds = cpu.cpuacct().usage as f64 / 1e9;
        } else if let Some(cpu) = self.inner.controller_of::<CpuController>() {
            let text = cpu.cpu().stat;
            let usage = text
                .lines()
                .find_map(|l| l.strip_prefix("usage_usec ")?.parse::<f64>().ok());
            stats.cpu_seconds = usage.unwrap_or(0.0) / 1e6;
        }
        if let Some(memory) = self.inner.controller_of::<MemController>() {
            let now = memory.memory_stat();
            stats.memory_bytes = now.usage_in_bytes;
            stats.rss_bytes = now.stat.rss;
            // v1 shows "no limit" as the largest page-aligned number.
            stats.memory_limit_bytes = u64::try_from(now.limit_in_bytes)
                .ok()
                .filter(|limit| *limit < 1 << 60);
        }
        stats
    }

    /// Names of the groups directly below.
    pub(crate) fn below(&self) -> BTreeSet<String> {
        let hierarchies = self.inner.subsystems().iter();
        let directories = hierarchies.filter_map(|s| std::fs::read_dir(s.to_controller().path()).ok());
        directories
            .flat_map(|entries| entries.flatten())
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    pub(crate) fn exists(&self) -> bool {
        self.inner.exists()
    }

    /// Removes the group, and every group above it that is then empty.
    pub(crate) fn remove(&self) -> Result<(), String> {
        let removed = if self.exists() {
            self.inner.delete().map_err(|e| e.to_string())
        } else {
            Ok(())
        };
        for subsystem in self.inner.subsystems() {
            let controller = subsystem.to_controller();
            let above = controller
                .path()
                .ancestors()
                .skip(1)
                .take_while(|path| *path != controller.base());
            for parent in above {
                // The kernel refuses while anything is below.
                if std::fs::remove_dir(parent).is_err() {
                    break;
                }
            }
        }
        removed
    }
}

/// Moves this process to the root of the hierarchies: the shim must not be killed or frozen with the group of the agent
/// that started it. Best effort: a failure costs only that isolation.
pub(crate) fn leave() {
    if let Some(root) = Group::open(".") {
        let _ = root.join(std::process::id());
    }
}

/// The library joins paths, so a leading slash would leave the hierarchy.
fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}
