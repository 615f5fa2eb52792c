//! The node agent alone, for tests of this crate; users run `mesolith agent`.

use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: mesolith_node::Args,
}

fn main() -> anyhow::Result<()> {
    mesolith_process::run_shim_if_asked();
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(async { mesolith_node::run(cli.args, mesolith_telemetry::Shutdown::on_signals()?).await })
}
