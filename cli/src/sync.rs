//! `mesolith sync`: the sync engine's command line with the engine behind it.

use mesolith_telemetry::Shutdown;
use mesolith_zksync::cli::{Command, Console, Context, Launch};
use mesolith_zksync::run::Real;

/// Does what was asked and returns the exit code. The answer has been printed.
pub(crate) async fn run(command: Command, shutdown: Shutdown) -> u8 {
    // On a signal, an engine and a status that watches end in order; every other command ends at once.
    let asks = !matches!(command, Command::Start(_) | Command::Status(_));
    let stop = shutdown.clone();
    let context = Context {
        console: Console::standard(),
        shutdown,
        launch: Launch::this_process(),
    };
    tokio::select! {
        code = mesolith_zksync::cli::run(command, context, Real) => code,
        () = stop.wait(), if asks => INTERRUPTED,
    }
}

/// The exit code that a shell gives to a program that SIGINT ended.
const INTERRUPTED: u8 = 130;
