//! Node agent: gRPC Node service, component ledger, supervision.
//!
//! ```text
//! operator ──Apply──► service ─► desired (may it?) ─► ledger (on disk) ─► manager ─► one supervisor per component
//!          ◄─Watch── board ◄──────────────── observe ─► plan (next step) ─► act ─► show ◄┘
//! ```
//!
//! Components are processes that outlive this agent (`mesolith-process`); a killed agent starts again, reads its ledger
//! and adopts them. Decisions (`desired`, `plan`, `backoff`, `kinds`) are plain functions over data.

mod archive;
mod args;
mod backoff;
mod backup;
mod board;
mod certificate;
mod component;
mod copy;
mod crash;
mod desired;
mod facts;
mod held;
mod http;
mod kinds;
mod layout;
mod ledger;
mod logs;
mod manager;
mod metrics;
mod node;
mod plan;
mod precondition;
mod probe;
mod problem;
mod reach;
mod serve;
mod service;
mod supervisor;
mod wire;

use std::sync::Arc;

use anyhow::Context;
pub use args::Args;
use mesolith_telemetry::Shutdown;

/// Runs the role until shutdown. Components keep running afterwards.
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(args: Args, shutdown: Shutdown) -> anyhow::Result<()> {
    let state_dir = &args.state_dir;
    std::fs::create_dir_all(state_dir)
        .with_context(|| format!("failed to create {}", state_dir.display()))?;
    // Relative paths would mean something else to the components, which run in directories of their own.
    let layout = layout::Layout::new(state_dir.canonicalize()?);
    let _only_agent = serve::lock(layout.root())?;
    let (ledger, sets) = ledger::Ledger::open(layout.ledger())?;
    let node = Arc::new(assemble(&args, layout, shutdown.clone())?);
    let server = serve::bind(&args).await?;
    let manager = manager::Manager::start(node.clone(), ledger, sets).await;
    tracing::info!(name = %node.name, listen = %args.listen, state = %node.layout.root().display(), "node agent is up");
    let service = service::Service {
        node: node.clone(),
        manager: manager.clone(),
        renewal: certificate::Renewal::new(node.machine.pki_dir.as_deref().map(mesolith_pki::PkiDir::new)),
    };
    let served = server.run(service, &node).await;
    shutdown.trigger();
    manager.finish().await;
    if args.stop_components_on_exit {
        manager.stop_components().await;
    }
    served
}

fn assemble(args: &Args, layout: layout::Layout, shutdown: Shutdown) -> anyhow::Result<node::Node> {
    let pki_dir = if args.insecure {
        None
    } else {
        Some(std::path::absolute(&args.pki_dir)?)
    };
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe().context("failed to find our own executable")?,
    };
    let path = std::env::var("PATH").ok();
    let machine = kinds::Machine {
        program,
        java: "java".into(),
        zookeeper_classpath: args.zookeeper_classpath.clone(),
        pki_dir,
        docker_host: args.docker_host.clone(),
        env: inherited(std::env::vars())
            .chain(args.component_env.clone())
            .collect(),
    };
    let tools = precondition::Tools {
        path,
        zookeeper_classpath: args.zookeeper_classpath.clone(),
        docker_host: args.docker_host.clone(),
    };
    let name = args
        .name
        .clone()
        .or_else(|| nix::unistd::gethostname().ok()?.into_string().ok());
    let name = name.context("this machine has no host name; give --name")?;
    // The name becomes part of paths.
    if name.starts_with('.')
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    {
        anyhow::bail!("--name {name:?} is no node name: letters, digits, '-', '_' and '.' only");
    }
    Ok(node::Node {
        name,
        layout,
        machine,
        tools,
        board: board::Board::default(),
        metrics: metrics::Metrics::default(),
        http: probe::client(),
        shutdown,
    })
}

/// The part of our environment that components inherit: where programs are, and how to log and trace. It is no part
/// of their configuration: another value alone restarts nothing.
fn inherited(all: impl Iterator<Item = (String, String)>) -> impl Iterator<Item = (String, String)> {
    let wanted = |name: &str| {
        matches!(
            name,
            "PATH" | "HOME" | "LANG" | "TZ" | "RUST_LOG" | "RUST_BACKTRACE" | "JAVA_HOME"
        ) || name.starts_with("OTEL_")
    };
    all.filter(move |(name, _)| wanted(name))
}
