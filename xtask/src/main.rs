//! Development tasks: `cargo xtask <task>`.

mod codegen;
mod local;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Development tasks of this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes the generated files: CRDs, their reference, rendered manifests.
    Codegen(codegen::Args),
    /// Checks crate arrows, circles of files, file headers, file sizes and words that must not stay.
    Tidy,
    /// Brings up the local world; `make up` installs and builds first.
    Up(local::UpArgs),
    /// Removes the local world.
    Down,
    /// Puts the built programs on the PATH of `.local/env`, with or without a world; `make build` builds first.
    Env,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Codegen(args) => codegen::run(&args),
        Task::Tidy => tidy::run(),
        Task::Up(args) => local::up(&args),
        Task::Down => local::down(),
        Task::Env => local::env(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
