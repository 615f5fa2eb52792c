//! `mesolith sync`: the sync engine's command line with the engine behind it.

use mesolith_telemetry::Shutdown;
use mesolith_zksync::cli::{Command, Console, Context, Launch};
use mesolith_zksync::run::Real;

/// Does what was asked; the exit code. What a person reads has been printed.
pub(crate) async fn run(command: Command, shutdown: Shutdown) -> u8 {
    let context = Context {
        console: Console::standard(),
        shutdown,
        launch: Launch::this_process(),
    };
    mesolith_zksync::cli::run(command, context, Real).await
}
