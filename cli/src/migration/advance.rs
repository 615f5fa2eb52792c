//! `mesos-migrate advance`: the evidence that is shown is what is approved.

use super::error::Error;
use super::which::Which;
use super::{change, exit, lines, watch};
use crate::output::{Format, print};
use clap::Args;
use mesolith_crds::v1alpha1::zk_migration::Phase;
use mesolith_migration::{Approval, EvidenceView, View};
use mesolith_telemetry::Shutdown;
use std::io::{self, BufRead, IsTerminal, Write};

#[derive(Debug, Args)]
pub(crate) struct AdvanceArgs {
    #[command(flatten)]
    which: Which,
    /// The phase that is to begin, by number or name: it must be the one that comes next.
    #[arg(long, value_name = "PHASE", value_parser = mesolith_migration::phase)]
    phase: Option<Phase>,
    /// The hash of the evidence that you have looked at: another one is not approved.
    #[arg(long, value_name = "HASH")]
    evidence: Option<String>,
    /// Approve without being asked. Without it, and without a terminal, nothing is approved.
    #[arg(long)]
    confirm: bool,
    /// Follow it until a person is waited for again, or to its end.
    #[arg(long, short)]
    watch: bool,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t)]
    pub(super) output: Format,
}

pub(super) async fn run(args: &AdvanceArgs, shutdown: &Shutdown) -> Result<u8, Error> {
    let (cluster, name) = args.which.find().await?;
    let object = cluster.get(&name).await?;
    let approval = mesolith_migration::advance(&object, args.phase, args.evidence.as_deref())?;
    let evidence = View::of(&object).evidence;
    if args.output == Format::Table {
        show(&approval, evidence.as_ref())?;
    }
    if !args.confirm && !asked(&approval, args.output)? {
        eprintln!(
            "mesos-migrate: nothing was approved. To approve it: mesos-migrate advance --migration-id={name} -n {} \
             --evidence={} --confirm",
            cluster.namespace, approval.hash
        );
        if args.output != Format::Table {
            print(args.output, &evidence, |_| String::new())
                .map_err(|error| Error::Print(error.to_string()))?;
        }
        return Ok(exit::WAITS);
    }
    let user = cluster.user().await;
    let decided = approval.change(user.as_deref());
    change::make(&cluster, &name, decided, evidence, args.output).await?;
    if args.watch {
        // Until the operator has seen the approval, it still waits for this one.
        let passed = |view: &View| view.phase.as_deref() != Some(approval.phase.as_str());
        let stop = |view: &View| passed(view) && watch::needs_person(view);
        return watch::follow(&cluster, &name, args.output, shutdown, stop).await;
    }
    Ok(exit::OK)
}

/// The evidence, before anything is approved.
fn show(approval: &Approval, evidence: Option<&EvidenceView>) -> Result<(), Error> {
    let text = evidence.map(lines::evidence).unwrap_or_default();
    print(Format::Table, &(), |()| format!("{text}{}\n", begins(approval)))
        .map_err(|error| Error::Print(error.to_string()))
}

fn begins(approval: &Approval) -> String {
    match approval.next {
        Some(next) => format!(
            "Approving {} lets {next} ({}) begin.",
            approval.signed(),
            next.number()
        ),
        None => format!("Approving {} ends the migration.", approval.signed()),
    }
}

/// Whether the person at the terminal says yes; nobody is asked elsewhere.
fn asked(approval: &Approval, output: Format) -> Result<bool, Error> {
    if output != Format::Table || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(false);
    }
    let failed = |error: io::Error| Error::Print(error.to_string());
    print!("Approve {}? [y/N] ", approval.signed());
    io::stdout().flush().map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
