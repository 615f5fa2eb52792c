//! `mesos-migrate status`.

use super::error::Error;
use super::which::WhichOrAll;
use super::{exit, lines, table, watch};
use crate::output::{Format, print};
use clap::Args;
use jiff::Timestamp;
use kube::api::ListParams;
use mesolith_migration::View;
use mesolith_telemetry::Shutdown;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    which: WhichOrAll,
    /// Go on until its end or Ctrl-C: drawn again on a terminal, a line for each change otherwise.
    #[arg(long, short)]
    watch: bool,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

pub(super) async fn run(args: &StatusArgs, shutdown: &Shutdown) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let failed = |error: anyhow::Error| Error::Print(error.to_string());
    let Some(name) = name else {
        if args.watch {
            return Err(Error::Usage(
                "--watch follows one migration: name it with --migration-id".to_owned(),
            ));
        }
        let all = cluster.migrations().list(&ListParams::default()).await;
        let all = all.map_err(|error| Error::of("list ZkMigrations", &error))?;
        let views: Vec<View> = all.items.iter().map(View::of).collect();
        let now = Timestamp::now();
        print(args.output, &views, |views| {
            table::all(views, &cluster.namespace, now)
        })
        .map_err(failed)?;
        return Ok(exit::OK);
    };
    if args.watch {
        return watch::follow(&cluster, &name, args.output, shutdown, |_| false).await;
    }
    let view = View::of(&cluster.get(&name).await?);
    print(args.output, &view, |view| lines::whole(view, Timestamp::now())).map_err(failed)?;
    Ok(exit::of(view.state))
}
