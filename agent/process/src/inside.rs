//! Runs a short program beside a running one: in its control group, as its user, with its limits. It ends with its
//! caller.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::launch::shim_program;
use crate::shim::{self, Report};
use crate::{Error, Spec};

/// Runs what `spec` says to its end, without records: its directory is not used. Dropping the future kills it, with
/// everything that stayed in its process group.
///
/// # Errors
/// When it could not be started, e.g. [`Error::ProgramNotFound`].
pub async fn run_inside(spec: &Spec) -> Result<ExitStatus, Error> {
    let program = shim_program();
    let failed = |source| Error::StartShim {
        program: program.to_owned(),
        source,
    };
    let mut command = Command::from(shim::stage(program, "inside", Path::new("-")));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut running = Running(command.spawn().map_err(failed)?);
    if let Some(mut input) = running.0.stdin.take() {
        let text = serde_json::to_vec(spec).map_err(|e| failed(e.into()))?;
        input.write_all(&text).await.map_err(failed)?;
    }
    let mut report = Vec::new();
    if let Some(mut output) = running.0.stdout.take() {
        // Closes when the program starts: its own output goes where `spec` says.
        output.read_to_end(&mut report).await.map_err(failed)?;
    }
    let status = running.0.wait().await.map_err(failed)?;
    match shim::listen(report.as_slice()) {
        None | Some(Report::Running) => Ok(status),
        Some(Report::ProgramNotFound) => Err(Error::ProgramNotFound {
            program: spec.argv.first().cloned().unwrap_or_default(),
        }),
        Some(Report::Failed { step, message }) => Err(Error::Prepare { step, message }),
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // `None` once it was reaped: its pid may be somebody else's by then.
        if let Some(pid) = self.0.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
