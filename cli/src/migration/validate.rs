//! `mesos-migrate validate`: the checks before the start, as the operator made them last.

use super::error::Error;
use super::which::Which;
use super::{exit, table};
use crate::output::{Format, print};
use clap::Args;
use mesolith_migration::{CheckView, View};

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    which: Which,
    /// Show this check only; may be given several times.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

pub(super) async fn run(args: &ValidateArgs) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let checks = View::of(&cluster.get(&name).await?).checks;
    let checks = choose(checks, &args.only)?;
    print(args.output, &checks, |checks| table::checks(checks))
        .map_err(|error| Error::Print(error.to_string()))?;
    Ok(verdict(&checks))
}

/// The checks of these names, or all.
fn choose(checks: Vec<CheckView>, only: &[String]) -> Result<Vec<CheckView>, Error> {
    let named = |check: &CheckView, name: &String| check.name.eq_ignore_ascii_case(name);
    if let Some(unknown) = only
        .iter()
        .find(|name| !checks.iter().any(|check| named(check, name)))
    {
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        return Err(Error::Usage(if names.is_empty() {
            "no check has been made yet: is the operator running?".to_owned()
        } else {
            format!("{unknown:?} is no check; they are {}", names.join(", "))
        }));
    }
    let wanted = |check: &CheckView| only.is_empty() || only.iter().any(|name| named(check, name));
    Ok(checks.into_iter().filter(wanted).collect())
}

/// Whether all of them are good enough.
fn verdict(checks: &[CheckView]) -> u8 {
    let failed = checks
        .iter()
        .any(|check| matches!(check.status.as_str(), "Failed" | "Pending"));
    if failed || checks.is_empty() {
        exit::STUCK
    } else {
        exit::OK
    }
}
