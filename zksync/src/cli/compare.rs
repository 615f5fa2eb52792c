//! `diff`: asks the running engine, or compares two named ensembles without one.

use super::console::Console;
use super::endpoint_flags::{SourceFlags, TargetFlags};
use super::error::{Error, exit};
use super::locate::{Located, Output};
use super::render;
use super::settings_flags::SettingsFlags;
use crate::handle::DiffReport;
use crate::run::{Comparison, Engine};
use crate::settings::Settings;

/// Options of `diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub(super) at: Located,
    /// Most differences to name.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
    #[command(flatten)]
    pub(super) source: SourceFlags,
    #[command(flatten)]
    pub(super) target: TargetFlags,
    /// What is compared when no engine is asked: ROOT[:TARGET_ROOT],...
    #[arg(long, value_delimiter = ',', value_name = "PATH", default_value = "/")]
    pub paths: Vec<String>,
    /// Subtrees of A that are left out when no engine is asked.
    #[arg(long, value_delimiter = ',', value_name = "PATH")]
    pub exclude: Vec<String>,
}

pub(super) async fn run(args: &DiffArgs, console: &mut Console, engine: impl Engine) -> Result<u8, Error> {
    let report = if args.source.is_given() || args.target.is_given() {
        engine.compare(args.comparison()?).await?
    } else {
        args.at.client().await?.diff(args.limit).await?
    };
    show(&report, args.at.output, console)
}

fn show(report: &DiffReport, output: Output, console: &mut Console) -> Result<u8, Error> {
    match output {
        Output::Json => console.json(report)?,
        Output::Text => console.line(&render::differences(report))?,
    }
    Ok(if report.different == 0 {
        exit::OK
    } else {
        exit::FAILED
    })
}

impl DiffArgs {
    fn comparison(&self) -> Result<Comparison, Error> {
        let flags = SettingsFlags {
            paths: Some(self.paths.clone()),
            exclude: Some(self.exclude.clone()),
            ..SettingsFlags::default()
        };
        Ok(Comparison {
            source: self.source.options()?,
            target: self.target.options()?,
            settings: flags.over(&Settings::default())?,
            limit: self.limit,
        })
    }
}
