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

use crate::agent::{ExecutorStreams, Loop, Shared};
use crate::args::Args;
use crate::checkpoint::Store;
use crate::clock::now;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Checkpoint, Effect, TaskFile, TaskKey};
    use clap::Parser;
    use mesolith_proto::mesos::v1::{
        AgentId, AgentInfo, ContainerInfo, FrameworkId, FrameworkInfo, TaskId, TaskInfo, TaskState,
        container_info,
    };

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    /// Checkpoints of an agent with one task, which is in a Docker container.
    fn checkpoint(store: &Store) {
        let (framework, task) = (FrameworkId { value: "F".into() }, TaskId { value: "t".into() });
        let info = AgentInfo {
            id: Some(AgentId { value: "S0".into() }),
            ..AgentInfo::default()
        };
        let found = Checkpoint {
            agent: Some(info.clone()),
            frameworks: vec![FrameworkInfo {
                id: Some(framework.clone()),
                ..FrameworkInfo::default()
            }],
            tasks: vec![TaskFile {
                info: TaskInfo {
                    task_id: task.clone(),
                    container: Some(ContainerInfo {
                        r#type: container_info::Type::Docker as i32,
                        ..ContainerInfo::default()
                    }),
                    ..TaskInfo::default()
                },
                framework: "F".into(),
                container: "c".into(),
                state: TaskState::TaskRunning as i32,
                ..TaskFile::default()
            }],
            executors: vec![],
        };
        let mut uuid = uuid::Uuid::new_v4;
        let mut cx = Cx {
            now: now(),
            uuid: &mut uuid,
            effects: Vec::new(),
        };
        let agent = Agent::recover(info, Offers::default(), found, &mut cx);
        let key = TaskKey::new(&framework, &task);
        for effect in [
            Effect::SaveAgent,
            Effect::SaveFramework("F".into()),
            Effect::SaveTask(key),
        ] {
            store.apply(&agent, &effect).unwrap();
        }
    }

    #[tokio::test]
    async fn the_supervisor_is_told_when_docker_tasks_are_all_that_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let work_dir = dir.path().canonicalize().unwrap();
        let store = Store::new(Paths::new(work_dir.clone()));
        checkpoint(&store);
        let before = Departure {
            tasks: 7,
            ..Departure::default()
        };
        std::fs::write(Departure::path(&work_dir), before.text()).unwrap();
        let at = work_dir.display();
        let cli = Cli::parse_from([
            "agent".to_owned(),
            "--master=127.0.0.1:1".into(),
            "--leave".into(),
            "--containerizers=docker,mesos".into(),
            "--docker_socket=/nowhere".into(),
            format!("--work_dir={at}"),
            format!("--runtime_dir={at}/run"),
        ]);
        assert!(run(cli.args, Shutdown::default()).await.is_err());
        let told = Departure::read(&work_dir).unwrap();
        let why = told.no_docker.unwrap();
        assert!(why.starts_with("1 task runs in a Docker container"), "{why}");
        assert_eq!((told.tasks, told.left), (0, false));
        assert_eq!(store.load().unwrap().tasks.len(), 1);
    }
}
