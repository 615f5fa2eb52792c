//! Our own executable as the shim: three stages, each a fresh, single-threaded start of this program.
//!
//! Forking a process with threads is unsound. Starting the executable again is sound and needs no `unsafe`:
//!
//! - `detach`: leaves the starter's session and starts `wait`, then ends, so that init becomes the parent.
//! - `wait`: the parent of the program, for as long as it runs ([`waiter`]).
//! - `exec`: becomes the program ([`child`]).
//!
//! A fourth stage, `inside`, becomes a short program that runs beside another one.

mod child;
mod waiter;

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};

use serde::{Deserialize, Serialize};

use crate::spec::Spec;

/// First argument that makes our executable a shim.
const MARK: &str = "mesolith-shim";
/// The running program's file, also when it was replaced by a newer one on disk.
pub(crate) const OURSELVES: &str = "/proc/self/exe";

/// What the later stages report to the starter.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    Running,
    ProgramNotFound,
    Failed { step: String, message: String },
}

/// When this process was started as the shim, becomes the shim and never returns. Otherwise returns at once.
///
/// Every `main` whose process launches others calls this before anything else (no threads, no runtime yet).
pub fn run_shim_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(MARK.as_ref()) {
        return;
    }
    let stage = arguments.next().unwrap_or_default();
    let path = PathBuf::from(arguments.next().unwrap_or_default());
    let outcome = match stage.to_str() {
        Some("detach") => detach(&path),
        Some("wait") => read_spec(&path).and_then(|spec| waiter::run(&spec, &path)),
        Some("exec") => read_spec(&path).and_then(|spec| child::run(&spec)),
        Some("inside") => child::run_inside(),
        _ => Err(failed("start the shim", "unknown stage")),
    };
    exit(match outcome {
        Ok(()) => 0,
        Err(report) => {
            tell(&report);
            1
        }
    })
}

/// A command that starts this program as the given stage.
pub(crate) fn stage(program: &Path, name: &str, spec: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg0("mesolith")
        .arg(MARK)
        .arg(name)
        .arg(spec)
        .env_clear()
        .current_dir("/")
        .stderr(Stdio::null());
    command
}

/// Standard input (the lock) and output (the report) pass through to the waiter.
fn detach(path: &Path) -> Result<(), Report> {
    nix::unistd::setsid().map_err(|e| failed("leave the starter's session", e))?;
    stage(Path::new(OURSELVES), "wait", path)
        .spawn()
        .map_err(|e| failed("start the shim", e))?;
    Ok(())
}

fn read_spec(path: &Path) -> Result<Spec, Report> {
    let text = std::fs::read(path).map_err(|e| failed("read the launch specification", e))?;
    serde_json::from_slice(&text).map_err(|e| failed("read the launch specification", e))
}

fn failed(step: impl Into<String>, message: impl ToString) -> Report {
    Report::Failed {
        step: step.into(),
        message: message.to_string(),
    }
}

/// Writes one line to standard output, which is the report pipe; the starter may be gone already.
fn tell(report: &Report) {
    let text = serde_json::to_string(report).unwrap_or_default();
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The report of a later stage; none when it closed the pipe silently.
pub(crate) fn listen(mut pipe: impl Read) -> Option<Report> {
    let mut text = String::new();
    pipe.read_to_string(&mut text).ok()?;
    serde_json::from_str(text.lines().next()?).ok()
}
