//! `mesos-migrate audit verify`: whether an audit log is as it was written.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use mesolith_audit::{Broken, Error, Head, Summary, verify};
use serde::Serialize;

use crate::migration::{Where, audit_log};
use crate::output::{Format, print};

/// The log is not as it was written.
const BROKEN: u8 = 1;
/// It could not be checked; also what wrong usage gives.
const UNREADABLE: u8 = 2;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check that nothing in an audit log was changed, removed, moved or repeated.
    #[command(
        after_help = "Exit codes: 0 it is whole, 1 it is not, 2 it could not be read (or wrong usage).\n\n\
        A chain of hashes cannot show that its end was cut off, or that all of it was written again: give --head with \
        the end that you noted elsewhere."
    )]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An end that the log must contain, as this command or a migration's status printed it.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// The end of the part before this one, when the log is kept in parts.
    #[arg(long, value_name = "SEQ:HASH")]
    after: Option<Head>,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// The log; - for stdin.
    #[arg(required_unless_present = "migration_id")]
    file: Option<PathBuf>,
    /// Read the log of this ZkMigration from the cluster instead, and check it up to the end that its status names.
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    migration_id: Option<String>,
    #[command(flatten)]
    at: Where,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Answer {
    whole: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    finding: Option<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    line: u64,
    reason: &'static str,
    message: String,
}

/// Does what was asked and returns the exit code.
pub(crate) fn run(command: Command) -> anyhow::Result<u8> {
    let Command::Verify(args) = command;
    let (name, log, head) = match read(&args) {
        Ok(read) => read,
        Err(problem) => {
            eprintln!("mesos-migrate: {problem}");
            return Ok(UNREADABLE);
        }
    };
    let after = args.after.unwrap_or_else(Head::start);
    let checked = verify(log, after, args.head.or(head));
    let (answer, code) = match checked {
        Ok(summary) => (whole(summary), 0),
        Err(Error::Broken(broken)) => (broken_at(&broken), BROKEN),
        Err(Error::Read(error)) => {
            eprintln!("mesos-migrate: cannot read {name}: {error}");
            return Ok(UNREADABLE);
        }
    };
    print(args.output, &answer, |answer| table(answer, &name)).context("show the result")?;
    Ok(code)
}

/// What is checked: its name, the log, and an end that it must contain.
type Read = (String, Box<dyn BufRead>, Option<Head>);

fn read(args: &VerifyArgs) -> Result<Read, String> {
    if let Some(migration) = &args.migration_id {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let found = runtime.block_on(audit_log(&args.at, migration));
        let (log, head) = found.map_err(|error| error.to_string())?;
        let name = format!("the log of ZkMigration {migration}");
        return Ok((name, Box::new(io::Cursor::new(log)), head));
    }
    let file = args.file.clone().unwrap_or_default();
    let name = file.display().to_string();
    let log = open(&file).map_err(|error| format!("cannot read {name}: {error}"))?;
    Ok((name, log, None))
}

fn open(file: &Path) -> io::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(file)?)))
}

fn whole(summary: Summary) -> Answer {
    Answer {
        whole: true,
        summary: Some(summary),
        finding: None,
    }
}

fn broken_at(broken: &Broken) -> Answer {
    Answer {
        whole: false,
        summary: None,
        finding: Some(Finding {
            line: broken.line,
            reason: broken.why.reason(),
            message: broken.to_string(),
        }),
    }
}

fn table(answer: &Answer, name: &str) -> String {
    let mut text = match &answer.finding {
        Some(finding) => format!("BROKEN    {name}, {}\n", finding.message),
        None => format!("WHOLE     {name}\n"),
    };
    if let Some(summary) = &answer.summary {
        text += &format!("Entries   {}\n", summary.entries);
        if let (Some(first), Some(last)) = (summary.first, summary.last) {
            text += &format!("From      {first}\nTo        {last}\n");
        }
        text += &format!("Head      {}\n", summary.head);
    }
    text
}
