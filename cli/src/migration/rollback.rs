//! `mesos-migrate rollback`.

use super::error::Error;
use super::which::Which;
use super::{change, exit, watch};
use crate::output::Format;
use clap::Args;
use mesolith_crds::v1alpha1::zk_migration::Phase;
use mesolith_telemetry::Shutdown;

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    which: Which,
    /// The phase whose result is kept, by number or name. Default: none, as if it had never started.
    #[arg(long, value_name = "PHASE", value_parser = mesolith_migration::phase)]
    to_phase: Option<Phase>,
    /// Why; shown in the report.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Follow it to its end.
    #[arg(long, short)]
    watch: bool,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

pub(super) async fn run(args: &RollbackArgs, shutdown: &Shutdown) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let object = cluster.get(&name).await?;
    let decided = mesolith_migration::roll_back(&object, args.to_phase, args.reason.as_deref())?;
    change::make(&cluster, &name, decided, None, args.output).await?;
    if args.watch {
        return watch::follow(&cluster, &name, args.output, shutdown, |_| false).await;
    }
    Ok(exit::OK)
}
