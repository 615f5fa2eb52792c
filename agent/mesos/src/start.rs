//! Puts the agent together: configuration, recovery, session, HTTP.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use mesolith_process::durable;
use mesolith_proto::departure::Departure;
use mesolith_proto::mesos::v1::AgentInfo;
use mesolith_telemetry::{Health, Shutdown};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::{Loop, Shared};
use crate::args::Args;
use crate::checkpoint::Store;
use crate::clock::now;
use crate::containers::{Cache, Containers, Engine, Settings};
use crate::http::{App, AppState, Metrics};
use crate::info::{self, Machine};
use crate::owners::{Owner, Owners};
use crate::paths::Paths;
use crate::session::{self, Dial, Leader, News, Session};
use crate::state::{Agent, Cx, Input, Offers};

/// Readiness check of the Docker engine.
const DOCKER: &str = "docker";

pub(crate) async fn run(args: Args, shutdown: Shutdown) -> anyhow::Result<()> {
    // Before anything is started: without a handler SIGUSR1 would end this process and leave its tasks running.
    let leave = signal(SignalKind::user_defined1()).context("failed to listen for SIGUSR1")?;
    let listener = listen(&args).await?;
    let work_dir = prepare_work_dir(&args)?;
    let _lock = lock(&work_dir)?;
    // An agent that is started does not leave any more.
    let departure = Departure::path(&work_dir);
    durable::remove(&departure).with_context(|| format!("failed to remove {}", departure.display()))?;
    let paths = Paths::new(work_dir.clone());
    let health = Health::default();
    health.set(session::CHECK, Err("not registered yet".into()));
    let endpoint = endpoint(&args).to_string();
    let hostname = match &args.hostname {
        Some(name) => name.clone(),
        None => host_name(args.ip),
    };
    let store = Store::new(paths.clone());
    let found = store.load()?;
    let owners = Owners::new(&args.runtime_dir, Owner::here(&work_dir, &endpoint));
    let (offers, mut engine) = containerizers(&args, &owners.me, &health).await?;
    if engine.is_none() && found.needs_docker() {
        // Its Docker tasks may still run: reporting them as failed would start them a second time elsewhere. The same
        // holds when docker was taken out of --containerizers.
        let found = Engine::connect(&args.docker_socket, &owners.me).await;
        engine = Some(found.map_err(|why| {
            anyhow::anyhow!(
                "DockerUnavailable: {why}. Docker containers of this agent are to be taken up again, so it cannot go on without"
            )
        })?);
    }

    let resources = info::resources(&args.resources, &args.default_role, Machine::detect(&work_dir))?;
    let info = info::describe(&hostname, args.port, &resources, &args.attributes)?;
    let info = match &found.agent {
        Some(before) => {
            info::check_compatible(before, &info, &paths.meta_slaves().join("latest"))?;
            AgentInfo {
                id: before.id.clone(),
                ..info
            }
        }
        None => info,
    };
    let mut uuid = uuid::Uuid::new_v4;
    let mut cx = Cx {
        now: now(),
        uuid: &mut uuid,
        effects: Vec::new(),
    };
    if found.agent.is_some() {
        cx.effects.push(crate::state::Effect::SaveAgent);
    }
    let agent = Agent::recover(info, offers, found, &mut cx);
    tracing::info!(
        agent = agent.id(),
        tasks = agent.tasks.len(),
        executors = agent.executors.len(),
        %resources,
        "this agent",
    );
    let known: HashSet<String> = agent.containers().into_iter().collect();
    if let Some(engine) = &engine {
        engine.remove_orphans(&known).await;
    }
    owners.remove_orphans(&args.cgroups_root, &known).await;

    let (news_sender, news) = mpsc::unbounded_channel();
    let (input_sender, inputs) = mpsc::unbounded_channel();
    let cache_dir = args.fetcher_cache_dir.clone();
    let cache = Cache::new(
        cache_dir.unwrap_or_else(|| work_dir.join("fetch")),
        mesolith_mesos::parse_bytes(&args.fetcher_cache_size).context("--fetcher_cache_size")?,
    );
    let settings = Arc::new(settings(&args, &paths, owners));
    let _leave = AbortOnDropHandle::new(tokio::spawn(leave_when_told(leave, input_sender.clone())));
    let shared = Shared::new(agent);
    let streams = crate::agent::ExecutorStreams::default();
    let recovered = cx.effects;
    let main = Loop {
        shared: shared.clone(),
        store,
        containers: Containers::new(settings, engine.clone(), cache, input_sender.clone()),
        streams: streams.clone(),
        session: None,
        told: Departure::default(),
        departure,
    };
    let app = App(Arc::new(AppState {
        agent: shared.clone(),
        paths: paths.clone(),
        streams,
        inputs: input_sender,
        engine,
        started: SystemTime::now(),
        endpoint,
        flags: flags(&args),
        metrics: Metrics::new(),
        health: health.clone(),
    }));
    let session = session(&args, news_sender, health)?;
    let delay = duration("gc_delay", &args.gc_delay)?;
    let _collect = AbortOnDropHandle::new(tokio::spawn(crate::collect::run(shared, paths, delay)));
    let _session = AbortOnDropHandle::new(tokio::spawn(session.run()));
    let server = axum::serve(listener, crate::http::router(app)).with_graceful_shutdown({
        let shutdown = shutdown.clone();
        async move { shutdown.wait().await }
    });
    tokio::select! {
        ended = main.run(recovered, news, inputs) => ended.map_err(Into::into),
        served = async { server.await } => served.context("the HTTP server failed"),
        // Open executor streams would keep a graceful server waiting for ever.
        () = async { shutdown.wait().await; tokio::time::sleep(Duration::from_millis(200)).await } => Ok(()),
    }
}

/// SIGUSR1 means what it means to Mesos' agent.
async fn leave_when_told(mut told: Signal, inputs: mpsc::UnboundedSender<Input>) {
    while told.recv().await.is_some() {
        tracing::info!("SIGUSR1: leaving the cluster, tasks are ended");
        let _ = inputs.send(Input::Leave { no_docker: None });
    }
}

/// What all containers of this agent have in common.
pub(crate) fn settings(args: &Args, paths: &Paths, owners: Owners) -> Settings {
    let endpoint = endpoint(args);
    Settings {
        paths: paths.clone(),
        owners,
        endpoint: endpoint.to_string(),
        ip: args.ip.filter(|ip| !ip.is_unspecified()),
        advertised: Some(endpoint.ip()),
        cgroups_root: args.cgroups_root.clone(),
        cfs: args.cgroups_enable_cfs,
        switch_user: args.switch_user && nix::unistd::geteuid().is_root(),
        docker_privileged: args.docker_privileged,
        sandbox_directory: args.sandbox_directory.clone(),
    }
}

/// Where others reach this agent.
pub(crate) fn endpoint(args: &Args) -> SocketAddr {
    let given = args.ip.filter(|ip| !ip.is_unspecified());
    SocketAddr::new(given.unwrap_or_else(own_address), args.port)
}

/// The session with the leading master, not started yet.
pub(crate) fn session(
    args: &Args,
    news: mpsc::UnboundedSender<News>,
    health: Health,
) -> anyhow::Result<Session> {
    let dial = match &args.pki_dir {
        Some(dir) => Dial::Tls(Box::new(mesolith_pki::ClientTls::from_dir(
            dir,
            mesolith_pki::Role::Node,
        )?)),
        None => Dial::Plain,
    };
    Ok(Session {
        leader: Leader::from_flag(
            &args.master,
            duration("zk_session_timeout", &args.zk_session_timeout)?,
        )?,
        dial,
        backoff: duration("registration_backoff_factor", &args.registration_backoff_factor)?,
        news,
        health,
    })
}

async fn listen(args: &Args) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(args.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), args.port);
    mesolith_telemetry::listen(address)
        .await
        .context("the Mesos agent cannot serve (--ip, --port)")
}

pub(crate) fn prepare_work_dir(args: &Args) -> anyhow::Result<std::path::PathBuf> {
    let dir = &args.work_dir;
    std::fs::create_dir_all(dir).with_context(|| format!("failed to create --work_dir {}", dir.display()))?;
    dir.canonicalize()
        .with_context(|| format!("failed to resolve --work_dir {}", dir.display()))
}

/// Locks the work directory: two agents in it would overwrite each other's checkpoints.
pub(crate) fn lock(work_dir: &std::path::Path) -> anyhow::Result<std::fs::File> {
    let path = work_dir.join("lock");
    let file =
        std::fs::File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "another agent uses --work_dir {}: stop it, or give this one a directory of its own",
            work_dir.display()
        )
    })?;
    Ok(file)
}

/// What this agent can run. A missing engine is reported, and is an error only when nothing else works.
async fn containerizers(
    args: &Args,
    owner: &Owner,
    health: &Health,
) -> anyhow::Result<(Offers, Option<Engine>)> {
    let mut offers = Offers::default();
    let mut engine = None;
    for name in args
        .containerizers
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
    {
        match name {
            "mesos" => offers.mesos = true,
            "docker" => match Engine::connect(&args.docker_socket, owner).await {
                Ok(found) => {
                    tracing::info!(version = found.version().await, "Docker engine");
                    health.set(DOCKER, Ok(()));
                    engine = Some(found);
                    offers.docker = Some(Ok(()));
                }
                Err(e) => {
                    tracing::error!(reason = "DockerUnavailable", "{e}");
                    health.set(DOCKER, Err(format!("DockerUnavailable: {e}")));
                    offers.docker = Some(Err(e.to_string()));
                }
            },
            other => anyhow::bail!("--containerizers: '{other}' is neither docker nor mesos"),
        }
    }
    anyhow::ensure!(
        offers.mesos || engine.is_some(),
        "no containerizer works, so this agent could run nothing: {}",
        match &offers.docker {
            Some(Err(why)) => why.as_str(),
            _ => "--containerizers is empty; use docker, mesos or both",
        }
    );
    Ok((offers, engine))
}

fn duration(flag: &str, text: &str) -> anyhow::Result<Duration> {
    mesolith_mesos::parse_duration(text).with_context(|| format!("--{flag}"))
}

/// The address from which packets to other machines would leave; nothing is sent.
fn own_address() -> IpAddr {
    let looked_up = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket
            .connect(("192.0.2.1", 9))
            .and_then(|()| socket.local_addr())
    });
    looked_up.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// The address that was given, as others reach us there; else the machine's name.
fn host_name(ip: Option<IpAddr>) -> String {
    if let Some(ip) = ip.filter(|ip| !ip.is_unspecified()) {
        return ip.to_string();
    }
    nix::unistd::gethostname().map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned())
}

/// As `/flags` shows them: names and texts.
fn flags(args: &Args) -> serde_json::Value {
    serde_json::json!({
        "attributes": args.attributes,
        "cgroups_enable_cfs": args.cgroups_enable_cfs.to_string(),
        "cgroups_root": args.cgroups_root,
        "containerizers": args.containerizers,
        "default_role": args.default_role,
        "docker_privileged": args.docker_privileged.to_string(),
        "docker_socket": args.docker_socket,
        "fetcher_cache_dir": args.fetcher_cache_dir,
        "fetcher_cache_size": args.fetcher_cache_size,
        "gc_delay": args.gc_delay,
        "hostname": args.hostname,
        "ip": args.ip,
        "master": redacted(&args.master),
        "port": args.port.to_string(),
        "registration_backoff_factor": args.registration_backoff_factor,
        "resources": args.resources,
        "runtime_dir": args.runtime_dir,
        "sandbox_directory": args.sandbox_directory,
        "switch_user": args.switch_user.to_string(),
        "work_dir": args.work_dir,
        "zk_session_timeout": args.zk_session_timeout,
    })
}

/// A `zk://user:password@...` address without its password.
fn redacted(master: &str) -> String {
    match master.parse::<mesolith_zk::Address>() {
        Ok(address) => address.to_string(),
        Err(_) => master.to_owned(),
    }
}
