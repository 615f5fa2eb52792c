//! The forms in which a verb prints its answer.

use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

/// A form of output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One object on a line.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Prints a value; `table` makes the form for people, its lines ended.
pub(crate) fn print<T: Serialize>(
    format: Format,
    value: &T,
    table: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    let text = match format {
        Format::Table => table(value),
        Format::Json => serde_json::to_string(value).context("write JSON")? + "\n",
        Format::Yaml => serde_saphyr::to_string(value).context("write YAML")?,
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("print"),
    }
}
