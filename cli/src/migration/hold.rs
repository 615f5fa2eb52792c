//! `mesos-migrate pause` and `resume`.

use super::error::Error;
use super::which::Which;
use super::{change, exit};
use crate::output::Format;
use clap::Args;
use mesolith_crds::v1alpha1::ZkMigration;
use mesolith_migration::{Change, Refused};

#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    which: Which,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

pub(super) async fn run(
    args: &HoldArgs,
    action: fn(&ZkMigration) -> Result<Change, Refused>,
) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let decided = action(&cluster.get(&name).await?)?;
    change::make(&cluster, &name, decided, None, args.output).await?;
    Ok(exit::OK)
}
