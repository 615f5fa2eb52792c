//! The `mesolith` program: every role of the suite in one file.
//!
//! Installed (or linked) under the name of a Mesos program, it behaves as that program: `mesos-master` is
//! `mesolith master`, `mesos-agent` is `mesolith mesos-agent`. As `mesos-migrate`, and as `kubectl-mesolith`
//! (`kubectl mesolith`), it is the migration tool, whose `sync` is `mesolith sync`.

mod audit;
mod completion;
mod migration;
mod output;
mod pki;
mod sync;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mesolith_telemetry::{Options, Shutdown};

#[derive(Parser)]
#[command(
    name = "mesolith",
    version = env!("MESOLITH_VERSION"),
    propagate_version = true,
    about = "A Mesos-compatible control plane for bare metal, driven from Kubernetes"
)]
struct Cli {
    #[command(flatten)]
    telemetry: Options,
    #[command(subcommand)]
    role: Role,
}

/// The same program under the name of the migration tool.
#[derive(Parser)]
#[command(
    name = "mesos-migrate",
    version = env!("MESOLITH_VERSION"),
    propagate_version = true,
    about = "Moves a Mesos cluster to another ZooKeeper ensemble without stopping it"
)]
struct Migrate {
    #[command(flatten)]
    telemetry: Options,
    #[command(subcommand)]
    verb: MigrateVerb,
}

#[derive(Subcommand)]
enum MigrateVerb {
    /// Keeps a second ZooKeeper ensemble equal to a first one while both serve; needs neither Mesos nor Kubernetes.
    #[command(subcommand)]
    Sync(mesolith_zksync::cli::Command),
    /// Check the audit log of migrations.
    #[command(subcommand)]
    Audit(audit::Command),
    #[command(flatten)]
    Migration(migration::Command),
    /// Print a script that completes this program's arguments in a shell.
    Completion(completion::Args),
}

#[derive(Subcommand)]
enum Role {
    /// Reconciles MesosCluster, MarathonApp and ZkMigration; is the Marathon scheduler.
    Operator(mesolith_controllers::Args),
    /// Node agent: runs on every bare-metal node and supervises what the operator asks for.
    Agent(mesolith_node::Args),
    /// Mesos-compatible master.
    Master(Box<mesolith_master::Args>),
    /// Mesos-compatible agent: runs tasks.
    MesosAgent(mesolith_mesos_agent::Args),
    /// Keeps a second ZooKeeper ensemble equal to a first one while both serve; also: mesos-migrate sync.
    #[command(subcommand)]
    Sync(mesolith_zksync::cli::Command),
    /// Check the audit log of migrations; also: mesos-migrate audit.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Start, approve, follow and take back migrations; also: mesos-migrate start, status, ...
    #[command(subcommand)]
    Migration(migration::Command),
    /// Make and read certificates.
    #[command(subcommand)]
    Pki(pki::Command),
    /// Print a script that completes this program's arguments in a shell.
    Completion(completion::Args),
}

impl Role {
    /// The name under which traces show this process.
    fn service(&self) -> &'static str {
        match self {
            Self::Operator(_) => "mesolith-operator",
            Self::Agent(_) => "mesolith-agent",
            Self::Master(_) => "mesos-master",
            Self::MesosAgent(_) => "mesos-agent",
            Self::Sync(_) => "mesolith-zksync",
            Self::Audit(_) => "mesolith-audit",
            Self::Migration(_) => "mesolith-migration",
            Self::Completion(_) => "mesolith-completion",
            Self::Pki(_) => "mesolith-pki",
        }
    }
}

/// The role that a program name stands for, if any.
fn role_of(program: &str) -> Option<&'static str> {
    match program {
        "mesos-master" => Some("master"),
        "mesos-agent" | "mesos-slave" => Some("mesos-agent"),
        _ => None,
    }
}

/// Reads the command line, under any name of the program.
fn parse(given: Vec<String>) -> Cli {
    let Some(command) = migrate_command(program_name(&given)) else {
        return Cli::parse_from(arguments(given));
    };
    let found = command.get_matches_from(given);
    let Migrate { telemetry, verb } = Migrate::from_arg_matches(&found).unwrap_or_else(|error| error.exit());
    let role = match verb {
        MigrateVerb::Sync(command) => Role::Sync(command),
        MigrateVerb::Audit(command) => Role::Audit(command),
        MigrateVerb::Migration(command) => Role::Migration(command),
        MigrateVerb::Completion(args) => Role::Completion(args),
    };
    Cli { telemetry, role }
}

/// The migration tool, when the program has one of its names.
fn migrate_command(program: &str) -> Option<clap::Command> {
    match program {
        "mesos-migrate" => Some(Migrate::command()),
        // What kubectl calls for `kubectl mesolith`.
        "kubectl-mesolith" => Some(Migrate::command().bin_name("kubectl mesolith")),
        _ => None,
    }
}

/// This program as it was called: its name, and what it takes.
fn called(program: &str) -> (String, clap::Command) {
    match migrate_command(program) {
        Some(command) => (program.to_owned(), command),
        None => ("mesolith".to_owned(), Cli::command()),
    }
}

fn program_name(given: &[String]) -> &str {
    given
        .first()
        .and_then(|p| p.rsplit('/').next())
        .unwrap_or_default()
}

/// `mesos-master --port=5050` reads as `mesolith master --port=5050`.
fn arguments(mut given: Vec<String>) -> Vec<String> {
    if let Some(role) = role_of(program_name(&given)) {
        given.insert(1, role.to_owned());
    }
    given
}

fn main() -> ExitCode {
    // Before any thread: this program is also the shim between an agent and what it launches.
    mesolith_process::run_shim_if_asked();
    // One TLS library for every crate that asks rustls for its default. An error means that it is set already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = parse(std::env::args().collect());
    match start(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("mesolith: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the role; returns its exit code.
fn start(cli: Cli) -> anyhow::Result<u8> {
    let role = match cli.role {
        Role::Pki(command) => return pki::run(command).map(|()| 0),
        Role::Audit(command) => return audit::run(command),
        // Components that the node agent starts log and trace as it does itself.
        Role::Agent(args) => Role::Agent(mesolith_node::Args {
            component_env: cli.telemetry.env(),
            ..args
        }),
        role => role,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let telemetry = mesolith_telemetry::init(role.service(), &cli.telemetry)?;
        let ended = run(role).await;
        telemetry.shutdown().await;
        ended
    })
}

async fn run(role: Role) -> anyhow::Result<u8> {
    let shutdown = Shutdown::on_signals()?;
    let ended = match role {
        Role::Sync(command) => return Ok(sync::run(command, shutdown).await),
        Role::Migration(command) => return Ok(migration::run(command, shutdown).await),
        Role::Operator(args) => mesolith_controllers::run(args, shutdown).await,
        Role::Agent(args) => mesolith_node::run(args, shutdown).await,
        Role::Master(args) => mesolith_master::run(*args, shutdown).await,
        Role::MesosAgent(args) => mesolith_mesos_agent::run(args, shutdown).await,
        Role::Audit(command) => return audit::run(command),
        Role::Completion(args) => {
            let given: Vec<String> = std::env::args().collect();
            let (name, command) = called(program_name(&given));
            return completion::run(&args, &name, command);
        }
        Role::Pki(command) => pki::run(command),
    };
    ended.map(|()| 0)
}

#[cfg(test)]
mod tests {
    use super::{Cli, Migrate, Role, arguments, parse};
    use clap::CommandFactory;

    #[test]
    fn no_flag_of_any_verb_is_in_the_way_of_another() {
        Cli::command().debug_assert();
        Migrate::command().debug_assert();
    }

    #[test]
    fn a_migration_is_driven_under_three_names() {
        for line in [
            &[
                "mesos-migrate",
                "rollback",
                "--migration-id=mig-001",
                "--to-phase=2",
            ][..],
            &["/usr/local/bin/kubectl-mesolith", "rollback", "mig-001"],
            &["mesolith", "migration", "rollback", "mig-001"],
        ] {
            let cli = parse(line.iter().map(|s| s.to_string()).collect());
            assert!(matches!(cli.role, Role::Migration(_)), "{line:?}");
        }
    }

    #[test]
    fn the_sync_engine_is_found_under_both_names() {
        for line in [
            &["/usr/bin/mesos-migrate", "sync", "scale", "--workers=4"][..],
            &["mesolith", "sync", "scale", "--workers=4"],
        ] {
            let cli = parse(line.iter().map(|s| s.to_string()).collect());
            assert!(matches!(cli.role, Role::Sync(_)), "{line:?}");
        }
    }

    #[test]
    fn the_program_name_chooses_the_role() {
        let of = |v: &[&str]| arguments(v.iter().map(|s| s.to_string()).collect());
        assert_eq!(
            of(&["/usr/sbin/mesos-master", "--port=1"]),
            ["/usr/sbin/mesos-master", "master", "--port=1"]
        );
        assert_eq!(of(&["mesolith", "agent"]), ["mesolith", "agent"]);
    }
}
