//! `--leave`: ends what an agent that does not run any more has started, and tells the master.
//!
//! What keeps an agent from starting must not keep it from leaving: it takes no port and uses the resources on record.
//! Checkpoints that cannot be read only cost the tasks their grace. Without the Docker engine it ends everything else,
//! writes for the supervisor what is left, and fails.

use std::collections::HashSet;
use std::sync::Arc;

use mesolith_proto::departure::Departure;
use mesolith_telemetry::{Health, Shutdown};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::{ExecutorStreams, Loop, Shared, now};
use crate::args::Args;
use crate::checkpoint::Store;
use crate::containers::{Cache, Containers, Engine};
use crate::owners::{Owner, Owners};
use crate::paths::Paths;
use crate::start;
use crate::state::{Agent, Cx, Input, Offers};

pub(crate) async fn run(args: Args, shutdown: Shutdown) -> anyhow::Result<()> {
    let work_dir = start::prepare_work_dir(&args)?;
    let _lock = start::lock(&work_dir)?;
    let departure = Departure::path(&work_dir);
    let paths = Paths::new(work_dir.clone());
    let store = Store::new(paths.clone());
    let mut found = store.load().unwrap_or_else(|error| {
        tracing::error!("{error}; every container of this agent is ended without grace");
        Default::default()
    });
    let owners = Owners::new(
        &args.runtime_dir,
        Owner::here(&work_dir, &start::endpoint(&args).to_string()),
    );
    let docker = args.containerizers.split(',').any(|name| name.trim() == "docker");
    let (engine, no_docker) = match Engine::connect(&args.docker_socket, &owners.me).await {
        Ok(engine) => (Some(engine), None),
        Err(_) if !found.needs_docker() => (None, None),
        Err(error) => {
            let tasks = match found.set_docker_aside() {
                1 => "1 task runs in a Docker container".to_owned(),
                many => format!("{many} tasks run in Docker containers"),
            };
            (None, Some(format!("{tasks}, and {error}")))
        }
    };
    if docker && engine.is_none() && no_docker.is_none() {
        tracing::warn!("there is no Docker engine to look for containers without a task in");
    }

    let mut uuid = uuid::Uuid::new_v4;
    let mut cx = Cx {
        now: now(),
        uuid: &mut uuid,
        effects: Vec::new(),
    };
    let info = found.agent.clone().unwrap_or_default();
    let registered = info.id.is_some();
    let agent = Agent::recover(info, Offers::default(), found, &mut cx);
    tracing::info!(
        agent = agent.id(),
        tasks = agent.tasks.len(),
        executors = agent.executors.len(),
        "leaving the cluster"
    );
    let known: HashSet<String> = agent.containers().into_iter().collect();
    if let Some(engine) = &engine {
        engine.remove_orphans(&known).await;
    }
    let stubborn = owners.remove_orphans(&args.cgroups_root, &known).await;
    anyhow::ensure!(
        stubborn == 0,
        "{stubborn} containers of this agent do not end although they were killed; the log names them"
    );

    let (news_sender, news) = mpsc::unbounded_channel();
    let (inputs_sender, inputs) = mpsc::unbounded_channel();
    // The master must not believe that the tasks that were set aside have ended.
    let session = (registered && no_docker.is_none())
        .then(|| start::session(&args, news_sender.clone(), Health::default()))
        .transpose()
        .unwrap_or_else(|error| {
            tracing::warn!("no master can be told: {error:#}");
            None
        });
    let _session = session.map(|session| AbortOnDropHandle::new(tokio::spawn(session.run())));
    let settings = Arc::new(start::settings(&args, &paths, owners));
    // Nothing is fetched any more.
    let cache = Cache::new(work_dir.join("fetch"), 0);
    let main = Loop {
        shared: Shared::new(agent),
        store,
        containers: Containers::new(settings, engine, cache, inputs_sender.clone()),
        streams: ExecutorStreams::default(),
        session: None,
        told: Departure::default(),
        departure,
    };
    let _ = inputs_sender.send(Input::Leave { no_docker });
    tokio::select! {
        ended = main.run(cx.effects, news, inputs) => ended.map_err(Into::into),
        () = shutdown.wait() => anyhow::bail!("stopped before everything had ended"),
    }
}
