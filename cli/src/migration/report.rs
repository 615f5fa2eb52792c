//! `mesos-migrate report`: one page that can be signed, or the same as JSON.

mod gather;
mod times;

use super::error::Error;
use super::exit;
use super::which::Which;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use std::io::Write;
use std::path::PathBuf;

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, and to be printed and signed.
    #[default]
    Markdown,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    which: Which,
    /// Form of the report.
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
    /// File to write it to. Default: stdout.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ReportArgs {
    /// The form in which an error is printed.
    pub(super) fn output(&self) -> crate::output::Format {
        match self.output {
            Form::Markdown => crate::output::Format::Table,
            Form::Json => crate::output::Format::Json,
        }
    }
}

pub(super) async fn run(args: &ReportArgs) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let object = cluster.get(&name).await?;
    let report = gather::report(&object, Timestamp::now());
    let text = match args.output {
        Form::Markdown => report.markdown(),
        Form::Json => report.json(),
    };
    let failed = |error: std::io::Error| Error::Print(error.to_string());
    match &args.file {
        Some(path) => {
            let written = std::fs::write(path, text);
            written.map_err(|error| Error::Print(format!("{}: {error}", path.display())))?;
        }
        None => std::io::stdout().write_all(text.as_bytes()).map_err(failed)?,
    }
    Ok(exit::OK)
}
