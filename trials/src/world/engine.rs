//! An engine: the real program, started as a user starts it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Name of all engines of a world.
const NAME: &str = "trial";

/// What an engine works on, and where it runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its own folder.
    pub dir: PathBuf,
    /// `--source`.
    pub source: String,
    /// `--target`.
    pub target: String,
    /// More flags.
    pub flags: Vec<String>,
    /// Network namespace of the process.
    pub namespace: Option<String>,
}

/// An engine's process, or the place for one.
#[derive(Debug)]
pub struct Engine {
    place: Place,
    child: Option<Child>,
}

/// The program: `MESOLITH_BIN`, or the one that cargo has built beside this one.
fn program() -> Result<PathBuf> {
    let path = match std::env::var_os("MESOLITH_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let this = std::env::current_exe()?;
            let beside = this.ancestors().skip(1).take(2).map(|dir| dir.join("mesolith"));
            let found = beside.into_iter().find(|path| path.exists());
            found.context("no program beside this one: cargo build -p mesolith, or set MESOLITH_BIN")?
        }
    };
    fs::canonicalize(&path).with_context(|| format!("MESOLITH_BIN={} is not there", path.display()))
}

impl Engine {
    /// An engine that is not started yet.
    ///
    /// # Errors
    /// When the program does not exist.
    pub fn new(place: Place) -> Result<Self> {
        fs::create_dir_all(&place.dir)?;
        let link = place.dir.join("mesos-migrate");
        if !link.exists() {
            std::os::unix::fs::symlink(program()?, link)?;
        }
        Ok(Self { place, child: None })
    }

    fn command(&self, verb: &str) -> Command {
        let program = self.place.dir.join("mesos-migrate");
        let mut command = match &self.place.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["sync", verb, "--name", NAME, "--state-dir"]);
        command.arg(self.place.dir.join("state")).stdin(Stdio::null());
        command
    }

    /// Starts the process and waits for nothing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self) -> Result<()> {
        self.kill();
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = self.command("start");
        command.args(["--source", &self.place.source, "--target", &self.place.target]);
        command
            .args(["--foreground", "--output", "json"])
            .args(&self.place.flags);
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        self.child = Some(child.context("the engine does not start")?);
        Ok(())
    }

    /// Path of its log.
    pub fn log(&self) -> PathBuf {
        self.place.dir.join("log")
    }

    /// Kills it (kill -9).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Stops it (SIGSTOP).
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Continues it (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it runs. If it has ended by itself, its log says why.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.as_mut().map(Child::try_wait), Some(Ok(None)))
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
            .map(|kilobytes| kilobytes << 10)
    }

    /// The output of `sync status`.
    ///
    /// # Errors
    /// When it does not answer within ten seconds, or not in JSON.
    pub async fn status(&self) -> Result<Value> {
        let mut command = self.command("status");
        command.args(["--output", "json"]);
        let (code, said) = run(command, Duration::from_secs(10)).await?;
        serde_json::from_str(&said)
            .with_context(|| format!("sync status ended with {code:?} and said {said:?}"))
    }

    /// Runs another verb of `sync`, such as `pause`.
    ///
    /// # Errors
    /// When it does not succeed within half a minute.
    pub async fn verb(&self, verb: &str) -> Result<()> {
        match run(self.command(verb), Duration::from_secs(30)).await? {
            (Some(0), _) => Ok(()),
            (code, said) => bail!("sync {verb} ended with {code:?} and said {said:?}"),
        }
    }

    /// Runs `sync diff`. Returns whether both sides are equal, and the report.
    ///
    /// # Errors
    /// When it could not compare.
    pub async fn diff(&self) -> Result<(bool, String)> {
        let mut command = self.command("diff");
        command.args(["--output", "json"]);
        match run(command, Duration::from_secs(120)).await? {
            (Some(0), said) => Ok((true, said)),
            (Some(1), said) => Ok((false, said)),
            (code, said) => bail!("sync diff ended with {code:?} and said {said:?}"),
        }
    }

    /// Waits until the engine reports one of these states.
    ///
    /// # Errors
    /// When the limit is over. The error holds the last status.
    pub async fn wait_state(&mut self, states: &[&str], limit: Duration) -> Result<Value> {
        let until = Instant::now() + limit;
        loop {
            let last = self.status().await;
            if let Ok(status) = &last
                && states.iter().any(|state| status["state"] == **state)
            {
                return last;
            }
            let last = last.map_or_else(|error| format!("{error:#}"), |status| status.to_string());
            if !self.runs() {
                bail!("the engine ended by itself: {}", self.last_words());
            }
            if Instant::now() > until {
                bail!(
                    "not {} after {limit:?}: {last}\n{}",
                    states.join(" or "),
                    self.last_words()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn run(command: Command, limit: Duration) -> Result<(Option<i32>, String)> {
    let mut command = tokio::process::Command::from(command);
    let output = tokio::time::timeout(limit, command.kill_on_drop(true).output()).await;
    let output = output.with_context(|| format!("no answer within {limit:?}"))??;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    if said.trim().is_empty() {
        said = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Ok((output.status.code(), said))
}
