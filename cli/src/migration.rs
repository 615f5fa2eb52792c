//! `mesos-migrate start|status|advance|rollback|pause|resume|report|validate`: a migration as a person drives it.
//!
//! Each verb is a file. All of them only read and write the ZkMigration object, as kubectl does; what an action writes and
//! what is shown is decided in the crate `mesolith-migration`.

mod advance;
mod audit_log;
mod change;
mod connect;
mod error;
mod exit;
mod hold;
mod lines;
mod live;
mod report;
mod rollback;
mod start;
mod status;
mod table;
mod validate;
mod watch;
mod which;

use clap::Subcommand;
use mesolith_telemetry::Shutdown;

pub(crate) use audit_log::audit_log;
pub(crate) use connect::Where;
pub(crate) use error::Error;

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a ZkMigration from migration.yaml, and show what becomes of each of its fields.
    #[command(after_help = exit::HELP)]
    Start(Box<start::StartArgs>),
    /// Show one migration, or list all of them.
    #[command(after_help = exit::HELP)]
    Status(status::StatusArgs),
    /// Approve the evidence that is shown, so that the next phase begins.
    #[command(after_help = exit::HELP)]
    Advance(advance::AdvanceArgs),
    /// Go back to an earlier phase, or to the start. Needs no approval.
    #[command(after_help = exit::HELP)]
    Rollback(rollback::RollbackArgs),
    /// Start nothing new; synchronisation goes on.
    #[command(after_help = exit::HELP)]
    Pause(hold::HoldArgs),
    /// Go on after a pause; after a rollback that has ended, go forward again.
    #[command(after_help = exit::HELP)]
    Resume(hold::HoldArgs),
    /// One page that can be signed: phases, approvals, lag, tasks, figures before and after.
    #[command(after_help = exit::HELP)]
    Report(report::ReportArgs),
    /// Show the checks that are made before the start.
    #[command(after_help = exit::HELP)]
    Validate(validate::ValidateArgs),
}

impl Command {
    fn output(&self) -> crate::output::Format {
        match self {
            Self::Start(args) => args.output,
            Self::Status(args) => args.output,
            Self::Advance(args) => args.output,
            Self::Rollback(args) => args.output,
            Self::Pause(args) | Self::Resume(args) => args.output,
            Self::Report(args) => args.output(),
            Self::Validate(args) => args.output,
        }
    }
}

/// Does what was asked and returns the exit code. Answer and error have been printed.
pub(crate) async fn run(command: Command, shutdown: Shutdown) -> u8 {
    let output = command.output();
    let stop = shutdown.clone();
    let done = tokio::select! {
        // A verb that follows ends by itself.
        biased;
        done = dispatch(command, shutdown) => done,
        () = stop.wait() => return exit::INTERRUPTED,
    };
    done.unwrap_or_else(|error| {
        error.print(output);
        error.exit_code()
    })
}

async fn dispatch(command: Command, shutdown: Shutdown) -> Result<u8, Error> {
    match command {
        Command::Start(args) => start::run(&args, &shutdown).await,
        Command::Status(args) => status::run(&args, &shutdown).await,
        Command::Advance(args) => advance::run(&args, &shutdown).await,
        Command::Rollback(args) => rollback::run(&args, &shutdown).await,
        Command::Pause(args) => hold::run(&args, mesolith_migration::pause).await,
        Command::Resume(args) => hold::run(&args, mesolith_migration::resume).await,
        Command::Report(args) => report::run(&args).await,
        Command::Validate(args) => validate::run(&args).await,
    }
}
