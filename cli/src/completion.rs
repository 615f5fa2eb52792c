//! `mesolith completion SHELL`: a script that completes arguments.

use anyhow::Context;
use clap_complete::Shell;
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for the program as it was called.
pub(crate) fn run(args: &Args, name: &str, mut command: clap::Command) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("print"),
        _ => Ok(0),
    }
}
