//! Launches processes, and adopts those that an earlier run of the agent launched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::lock::lock;
use crate::record::{self, Running};
use crate::shim::{self, OURSELVES, Report};
use crate::stop::Stop;
use crate::{Error, Exit, Handle, Spec, durable};

/// How long [`adopt`] waits for a shim that has not recorded its process yet.
const STARTING: Duration = Duration::from_secs(30);

/// How long a shim may hold its directory after its process ended.
const CLEANING_UP: Duration = Duration::from_secs(15);

/// The shim's executable where it is not this one.
static SHIM: OnceLock<PathBuf> = OnceLock::new();

/// Makes every launch use another program as the shim. For test harnesses, whose own executable cannot be one. Only
/// the first call counts.
pub fn use_shim_program(program: impl Into<PathBuf>) {
    let _ = SHIM.set(program.into());
}

/// What is started as the shim.
pub(crate) fn shim_program() -> &'static Path {
    SHIM.get().map_or(Path::new(OURSELVES), PathBuf::as_path)
}

/// What a runtime directory holds.
#[derive(Debug)]
pub enum Adopted {
    /// It still runs.
    Running(Handle),
    /// It ended, perhaps while nobody looked.
    Exited(Exit),
    /// Nothing was launched from there, or the launch did not get as far as running the program.
    Unknown,
}

/// Launches a process that outlives us; returns when its program runs, or with the reason why it does not.
///
/// # Errors
/// [`Error::ProgramNotFound`], [`Error::AlreadyRunning`] and the other steps that can fail.
pub async fn launch(spec: &Spec) -> Result<Handle, Error> {
    let spec = spec.clone();
    let id = spec.id.clone();
    tokio::task::spawn_blocking(move || launch_blocking(&spec))
        .await
        .unwrap_or(Err(Error::ShimDied { id }))
}

fn launch_blocking(spec: &Spec) -> Result<Handle, Error> {
    let unusable = |path: &Path, source| Error::PrepareDirectory {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(&spec.dir).map_err(|e| unusable(&spec.dir, e))?;
    let dir = spec.dir.canonicalize().map_err(|e| unusable(&spec.dir, e))?;
    let lock = free_directory(&dir)?;
    for name in [record::EXIT, record::RUNNING, record::STOP] {
        durable::remove(&dir.join(name)).map_err(|e| unusable(&dir.join(name), e))?;
    }
    let path = dir.join(record::SPEC);
    let spec = Spec {
        dir: dir.clone(),
        ..spec.clone()
    };
    record::write(&path, &spec).map_err(|e| unusable(&path, e))?;

    let program = shim_program();
    let not_started = |source| Error::StartShim {
        program: program.to_owned(),
        source,
    };
    let mut child = shim::stage(program, "detach", &path)
        .stdin(Stdio::from(lock))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(not_started)?;
    let report = child.stdout.take().and_then(shim::listen);
    child.wait().map_err(not_started)?;
    match report {
        Some(Report::Running) => {}
        Some(Report::ProgramNotFound) => {
            return Err(Error::ProgramNotFound {
                program: spec.argv.first().cloned().unwrap_or_default(),
            });
        }
        Some(Report::Failed { step, message }) => return Err(Error::Prepare { step, message }),
        None => return Err(Error::ShimDied { id: spec.id }),
    }
    match record::read(dir.join(record::RUNNING))? {
        Some(running) => Ok(Handle::new(dir, running)),
        None => Err(Error::ShimDied { id: spec.id }),
    }
}

/// Takes the lock of a directory from which nothing runs. Waits for a shim that reported an exit and cleans up.
fn free_directory(dir: &Path) -> Result<File, Error> {
    let deadline = Instant::now() + CLEANING_UP;
    loop {
        let lock = lock(dir)?;
        let running = record::read::<Running>(dir.join(record::RUNNING))?;
        // The process may live on when only its shim, which held the lock, was killed.
        if running.is_some_and(|r| r.process.is_alive()) || Instant::now() > deadline {
            return Err(Error::AlreadyRunning { path: dir.to_owned() });
        }
        if let Some(lock) = lock {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What became of the process launched from this runtime directory. A process is only taken for ours when pid, start
/// time and boot agree. Waits for a launch that is still under way because its starter was killed.
///
/// # Errors
/// When a record is there but cannot be read.
pub async fn adopt(dir: &Path) -> Result<Adopted, Error> {
    if !dir.exists() {
        return Ok(Adopted::Unknown);
    }
    let deadline = Instant::now() + STARTING;
    loop {
        let shim_lives = lock(dir)?.is_none();
        if let Some(exit) = record::read::<Exit>(dir.join(record::EXIT))? {
            return Ok(Adopted::Exited(exit));
        }
        let running = record::read::<Running>(dir.join(record::RUNNING))?;
        match running {
            // After the program itself has ended, what it started may still have its grace.
            Some(running) if running.process.is_alive() || (shim_lives && Stop::read(dir)?.is_some()) => {
                return Ok(Adopted::Running(Handle::new(dir.to_owned(), running)));
            }
            // The shim recorded the exit after we looked for it, or is about to: look again.
            Some(_) | None if shim_lives && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Some(_) => {
                return Ok(Adopted::Exited(
                    record::read(dir.join(record::EXIT))?.unwrap_or_else(Exit::lost),
                ));
            }
            None => return Ok(Adopted::Unknown),
        }
    }
}
