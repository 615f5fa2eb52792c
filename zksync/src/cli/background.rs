//! Starts this program again, in a session of its own.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::error::Error;
use crate::run::Files;

/// What is started, and with which arguments before `--foreground`.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Launch {
    /// The program that runs now, with its own arguments.
    #[must_use]
    pub fn this_process() -> Self {
        let mut given = std::env::args_os();
        let name = given.next().unwrap_or_default();
        Self {
            program: std::env::current_exe().unwrap_or_else(|_| name.into()),
            arguments: given.collect(),
        }
    }

    /// Starts it; its output is appended to the log.
    pub(super) fn start(&self, files: &Files) -> Result<Child, Error> {
        let failed = |source| Error::Launch {
            program: self.program.clone(),
            source,
        };
        files.create_dir()?;
        // Only its owner may read what it says about the ensembles.
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let log = options.open(files.log()).map_err(failed)?;
        // Nobody waits for this child: `start` asks the engine itself, through its socket.
        let arguments = self.arguments.iter().filter(|argument| *argument != "--no-wait");
        Command::new(&self.program)
            .args(arguments)
            .args(["--foreground", "--detached"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)
    }
}

/// Leaves the terminal's session: its Ctrl-C and its end mean nothing to this process any more.
pub(super) fn detach() {
    // It fails for the leader of a session, which is what is wanted.
    let _ = nix::unistd::setsid();
}
