//! The Mesos agent alone, for tests of this crate: they start, kill and restart it as a process.

use clap::Parser;
use mesolith_telemetry::{Options, Shutdown};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: Options,
    #[command(flatten)]
    args: mesolith_mesos_agent::Args,
}

fn main() -> anyhow::Result<()> {
    mesolith_process::run_shim_if_asked();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let telemetry = mesolith_telemetry::init("mesos-agent", &cli.telemetry)?;
        let ended = mesolith_mesos_agent::run(cli.args, Shutdown::on_signals()?).await;
        telemetry.shutdown().await;
        ended
    })
}
