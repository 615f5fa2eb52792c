//! `mesos-migrate sync ...`: the sync engine's command line.
//!
//! `start` becomes the engine (`--foreground`) or starts itself again in the background. Every other verb finds the
//! running engine by its socket and asks it. A verb is a file, or shares one with verbs of its kind; plain functions
//! in `render` make what is shown.

mod ask;
mod background;
mod compare;
mod components;
mod console;
mod endpoint_flags;
mod error;
mod locate;
mod render;
mod settings_flags;
mod show;
mod start;
mod time;

use clap::Subcommand;
pub use components::Component;
pub use console::{Captured, Console};
pub use error::{Error, exit};
pub use locate::{Located, Output};
use mesolith_telemetry::Shutdown;

pub use background::Launch;

use crate::run::Engine;

/// Help text below every verb.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no engine runs there.";

/// The verbs.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Start an engine and wait until the target is in sync.
    #[command(after_help = start::EXIT_CODES)]
    Start(Box<start::StartArgs>),
    /// End the engine; no standby takes over. Returns when the process is gone.
    #[command(after_help = "Exit codes: 0 it has ended or none ran, 1 it did not end.")]
    Stop(Located),
    /// Follow both sides but write nothing.
    #[command(after_help = EXIT_CODES)]
    Pause(Located),
    /// Go on after a pause.
    #[command(after_help = EXIT_CODES)]
    Resume(Located),
    /// Show what the engine does.
    #[command(after_help = EXIT_CODES)]
    Status(show::StatusArgs),
    /// Show lag and the Prometheus metrics.
    #[command(after_help = EXIT_CODES)]
    Metrics(Located),
    /// Show the settings, or change those that are given.
    #[command(after_help = EXIT_CODES)]
    Config(Box<ask::ConfigArgs>),
    /// Change how many requests may be on their way at once.
    #[command(after_help = EXIT_CODES)]
    Scale(ask::ScaleArgs),
    /// Compare both sides field by field, at one position of A.
    #[command(after_help = "Exit codes: 0 equal, 1 different, 2 could not compare (or wrong usage).")]
    Diff(Box<compare::DiffArgs>),
    /// Decide a frozen path: the kept side's node is written to the other side.
    #[command(after_help = EXIT_CODES)]
    Resolve(ask::ResolveArgs),
    /// Show the last conflicts, newest first.
    #[command(after_help = EXIT_CODES)]
    Conflicts(show::ConflictsArgs),
    /// Change who writes below a root.
    #[command(after_help = EXIT_CODES)]
    Switch(ask::SwitchArgs),
    /// Wait until everything that was committed before now on a side that writes is on the other; print the position.
    #[command(after_help = EXIT_CODES)]
    Barrier(Located),
}

impl Command {
    /// Whether this process becomes an engine: then it logs as a server does.
    #[must_use]
    pub fn is_server(&self) -> bool {
        matches!(self, Self::Start(args) if args.foreground)
    }

    fn output(&self) -> Output {
        match self {
            Self::Start(args) => args.at.output,
            Self::Stop(at) | Self::Pause(at) | Self::Resume(at) | Self::Metrics(at) | Self::Barrier(at) => {
                at.output
            }
            Self::Status(args) => args.at.output,
            Self::Config(args) => args.at.output,
            Self::Scale(args) => args.at.output,
            Self::Diff(args) => args.at.output,
            Self::Resolve(args) => args.at.output,
            Self::Conflicts(args) => args.at.output,
            Self::Switch(args) => args.at.output,
        }
    }
}

/// What a verb needs from its surroundings.
pub struct Context {
    /// Where the verb prints.
    pub console: Console,
    /// Triggered by Ctrl-C or SIGTERM.
    pub shutdown: Shutdown,
    /// How `start` starts this program again.
    pub launch: Launch,
}

/// Runs the verb and returns its exit code. Errors are printed.
pub async fn run(command: Command, mut context: Context, engine: impl Engine) -> u8 {
    let (output, is_diff) = (command.output(), matches!(command, Command::Diff(_)));
    let done = dispatch(command, &mut context, engine).await;
    done.unwrap_or_else(|error| {
        context.console.error(&error, output);
        // Its 1 means "different".
        if is_diff { exit::USAGE } else { error.exit_code() }
    })
}

async fn dispatch(command: Command, context: &mut Context, engine: impl Engine) -> Result<u8, Error> {
    let Context {
        console,
        shutdown,
        launch,
    } = context;
    match command {
        Command::Start(args) => start::run(*args, console, shutdown, launch, engine).await,
        Command::Stop(at) => ask::stop(&at, console).await,
        Command::Pause(at) => ask::mode(&at, crate::settings::Mode::Pause, console).await,
        Command::Resume(at) => ask::mode(&at, crate::settings::Mode::Run, console).await,
        Command::Status(args) => show::status(&args, console, shutdown).await,
        Command::Metrics(at) => show::metrics(&at, console).await,
        Command::Config(args) => ask::config(&args, console).await,
        Command::Scale(args) => ask::scale(&args, console).await,
        Command::Diff(args) => compare::run(&args, console, engine).await,
        Command::Resolve(args) => ask::resolve(&args, console).await,
        Command::Conflicts(args) => show::conflicts(&args, console).await,
        Command::Switch(args) => ask::switch(&args, console).await,
        Command::Barrier(at) => ask::barrier(&at, console).await,
    }
}
