//! A process that was launched or adopted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::cgroup::{Group, Stats};
use crate::identity::Identity;
use crate::lock::lock;
use crate::record::{self, Exit, Running};
use crate::stop::Stop;
use crate::{Error, durable};

/// Pause between two checks whether a process has ended: short for everything that reacts to the end.
const POLL: Duration = Duration::from_millis(50);
/// How long SIGKILL may take before it counts as failed.
const KILL_LIMIT: Duration = Duration::from_secs(30);

/// A process that runs, or has run, from a runtime directory. Cheap to clone; dropping it does nothing to the process.
#[derive(Debug, Clone)]
pub struct Handle {
    dir: PathBuf,
    record: Arc<Running>,
}

impl Handle {
    pub(crate) fn new(dir: PathBuf, record: Running) -> Self {
        Self {
            dir,
            record: Arc::new(record),
        }
    }

    /// Its process id; also that of its process group and session.
    pub fn pid(&self) -> u32 {
        self.record.process.pid
    }

    /// [`crate::Spec::id`], as it was launched.
    pub fn id(&self) -> &str {
        &self.record.id
    }

    /// Pid, start time and boot.
    pub fn identity(&self) -> &Identity {
        &self.record.process
    }

    /// When it was launched, in Unix seconds.
    pub fn started_at(&self) -> i64 {
        self.record.started_at
    }

    /// Its runtime directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the process itself (not only something it left behind) still runs.
    pub fn is_alive(&self) -> bool {
        self.record.process.is_alive()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn try_wait(&self) -> Result<Option<Exit>, Error> {
        if let Some(exit) = self.exit()? {
            return Ok(Some(exit));
        }
        if self.is_alive() || lock(&self.dir)?.is_none() {
            return Ok(None);
        }
        // Process and shim are gone. The shim may have recorded the exit after our first look.
        Ok(Some(self.exit()?.unwrap_or_else(Exit::lost)))
    }

    /// Waits for its end; works for adopted processes as well, and may be called any number of times.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn wait(&self) -> Result<Exit, Error> {
        loop {
            if let Some(exit) = self.try_wait()? {
                return Ok(exit);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Like [`Handle::wait`], but gives up after a while.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn wait_for(&self, limit: Duration) -> Result<Option<Exit>, Error> {
        tokio::time::timeout(limit, self.wait())
            .await
            .map_or(Ok(None), |exit| exit.map(Some))
    }

    /// Sends a signal to the process alone; fine when it has ended.
    ///
    /// # Errors
    /// When the signal is refused.
    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        if !self.is_alive() {
            return Ok(());
        }
        match kill(self.raw(), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::Signal {
                pid: self.pid(),
                errno,
            }),
        }
    }

    /// Sends SIGTERM to the whole group, and SIGKILL to what is left of it after the grace. The grace is for the whole
    /// group: it does not end with the first process. A stop that is already under way, whoever began it, can only be
    /// shortened.
    ///
    /// # Errors
    /// [`Error::WillNotDie`] when even SIGKILL did nothing.
    pub async fn stop(&self, grace: Duration) -> Result<Exit, Error> {
        let mut stop = Stop::within(&self.dir, grace);
        if !stop.remaining().is_zero() {
            if !stop.was_asked() {
                self.signal_all(Signal::SIGTERM);
                stop = stop.asked(&self.dir);
            }
            if let Some(exit) = self.wait_for(stop.remaining()).await? {
                self.forget_group();
                return Ok(exit);
            }
        }
        self.kill().await
    }

    /// Sends SIGKILL to the whole group at once.
    ///
    /// # Errors
    /// [`Error::WillNotDie`] when it did nothing.
    pub async fn kill(&self) -> Result<Exit, Error> {
        // A shim that waits for the rest of the group reads this.
        Stop::within(&self.dir, Duration::ZERO);
        let deadline = Instant::now() + KILL_LIMIT;
        loop {
            self.signal_all(Signal::SIGKILL);
            let this = self.clone();
            // The sweep freezes and polls, so it must not block the runtime.
            let _ = tokio::task::spawn_blocking(move || {
                this.group()
                    .is_none_or(|group| group.kill_all(Duration::from_secs(2)))
            })
            .await;
            if let Some(exit) = self.wait_for(Duration::from_secs(1)).await? {
                self.forget_group();
                return Ok(exit);
            }
            if Instant::now() > deadline {
                return Err(Error::WillNotDie { pid: self.pid() });
            }
        }
    }

    /// Resources in use now; zeros without a control group.
    pub fn stats(&self) -> Stats {
        self.group()
            .filter(Group::exists)
            .map_or_else(Stats::default, |group| group.stats())
    }

    /// Whether the OOM killer has struck in its group since the launch; also for a process that has ended.
    pub fn oom_killed(&self) -> bool {
        match self.exit() {
            Ok(Some(exit)) => exit.oom_killed,
            _ => self
                .group()
                .is_some_and(|group| group.oom_kills() > self.record.oom_kills_before),
        }
    }

    /// Sets other limits while it runs; nothing happens without a control group.
    ///
    /// # Errors
    /// When the kernel refuses, e.g. a memory limit below what is in use.
    pub fn limit(&self, spec: &crate::CgroupSpec) -> Result<(), Error> {
        if self.group().is_some_and(|group| group.exists()) {
            let refused = |message| Error::Prepare {
                step: "change limits".into(),
                message,
            };
            Group::create(spec).map_err(refused)?;
        }
        Ok(())
    }

    /// Forgets an ended process: its records and, if it is still there, its control group.
    ///
    /// # Errors
    /// When a record cannot be removed.
    pub fn forget(&self) -> Result<(), Error> {
        self.forget_group();
        for name in [record::RUNNING, record::EXIT, record::STOP, record::SPEC] {
            let path = self.dir.join(name);
            durable::remove(&path).map_err(|source| Error::PrepareDirectory { path, source })?;
        }
        Ok(())
    }

    /// Removes the group of a process whose shim was killed and could not do it.
    fn forget_group(&self) {
        if !self.is_alive()
            && let Some(group) = self.group()
            && group.processes().is_empty()
        {
            let _ = group.remove();
        }
    }

    fn exit(&self) -> Result<Option<Exit>, Error> {
        record::read(self.dir.join(record::EXIT))
    }

    fn signal_all(&self, signal: Signal) {
        if self.is_alive() {
            // A process that does not lead its group yet is reached by its pid only.
            if killpg(self.raw(), signal).is_err() {
                let _ = kill(self.raw(), signal);
            }
        }
        if let Some(group) = self.group() {
            let leader = self.raw();
            // The process group has the signal already. Daemons may have left it, but not the control group.
            for pid in group.processes() {
                if nix::unistd::getpgid(Some(pid)) != Ok(leader) {
                    let _ = kill(pid, signal);
                }
            }
        }
    }

    fn group(&self) -> Option<Group> {
        self.record.cgroup.as_deref().and_then(Group::open)
    }

    fn raw(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.pid()).unwrap_or(i32::MAX))
    }
}
