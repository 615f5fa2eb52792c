//! `mesolith sync`: the sync engine's command line with the engine behind it.

use mesolith_telemetry::Shutdown;
use mesolith_zksync::cli::{Command, Console, Context, Launch};
use mesolith_zksync::engine;
use mesolith_zksync::handle::{DiffReport, Refused};
use mesolith_zksync::options::Options;
use mesolith_zksync::run::{Comparison, Engine, Running};

/// Does what was asked; the exit code. What a person reads has been printed.
pub(crate) async fn run(command: Command, shutdown: Shutdown) -> u8 {
    let context = Context {
        console: Console::standard(),
        shutdown,
        launch: Launch::this_process(),
    };
    mesolith_zksync::cli::run(command, context, Real).await
}

/// The engine of this build.
struct Real;

impl Engine for Real {
    async fn start(self, options: Options) -> Result<Running, Refused> {
        let (handle, task) = engine::start(options)?;
        Ok(Running::task(handle, task))
    }

    async fn compare(self, _: Comparison) -> Result<DiffReport, Refused> {
        Err(missing(
            "cannot compare without a running engine; leave out --source and --target to ask one",
        ))
    }
}

fn missing(what: &str) -> Refused {
    Refused {
        reason: "NotInThisBuild",
        message: format!("this build {what}"),
    }
}
