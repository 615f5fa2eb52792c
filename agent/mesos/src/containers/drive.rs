//! The life of one container, from its first file to the removal of what is left.
//!
//! ```text
//! fetch, pull ─► start ─► (health checks, time limit) ─► ended ─► reported ─► on record ─► removed
//!      │ kill: nothing is started     │ kill: asked to end, killed at the deadline
//! ```
//! An adopted container enters where it is. What is left of a container is removed only after the machine has its end
//! on record, so an agent killed in between finds it again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::running::{Running, Stopping};
use super::{Command, Events, Job, docker, fetch, health, process};
use crate::clock::now;
use crate::sandbox;
use crate::state::{ContainerEvent, Exit, Kind, NotLaunched, deadline};

enum Outcome {
    Running(Running),
    Failed(NotLaunched),
    Ended(Exit),
}

pub(super) async fn drive(job: Job, mut commands: mpsc::UnboundedReceiver<Command>, events: Events) {
    let span = tracing::info_span!(
        "launch",
        container = %job.launch.container,
        task = %job.launch.task.task_id.value,
        framework = %job.launch.framework_id(),
    );
    mesolith_telemetry::continue_from_map(&span, &job.launch.trace);
    let outcome = begin(&job, &mut commands, &events).instrument(span).await;
    let mut left = None;
    let last = match outcome {
        Outcome::Failed(why) => ContainerEvent::LaunchFailed(why),
        Outcome::Ended(exit) => ContainerEvent::Exited(exit),
        Outcome::Running(running) => {
            events.say(ContainerEvent::Started(Box::new(running.status(&job))));
            let exit = supervise(&job, &running, &mut commands, &events).await;
            left = Some(running);
            ContainerEvent::Exited(exit)
        }
    };
    tracing::info!(container = %job.launch.container, task = %job.launch.task.task_id.value, "{last:?}");
    events.say(last);
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::Cleanup) {
            clean(&job, left).await;
            return;
        }
    }
}

/// Starts the container, or takes it up again. A kill in between means that nothing is started.
async fn begin(job: &Job, commands: &mut mpsc::UnboundedReceiver<Command>, events: &Events) -> Outcome {
    if job.launch.adopt {
        match adopt(job).await {
            Ok(Some(running)) => return Outcome::Running(running),
            Ok(None) if job.launch.was_running => {
                return Outcome::Ended(Exit::Unknown(
                    "The container disappeared while the agent was not running".into(),
                ));
            }
            Ok(None) => {} // The agent died before it could start it: start it now.
            Err(message) => return Outcome::Failed(message.into()),
        }
    }
    let prepared = {
        let prepare = prepare(job);
        tokio::pin!(prepare);
        loop {
            tokio::select! {
                prepared = &mut prepare => break prepared,
                command = commands.recv() => match command {
                    Some(Command::Kill(_)) | None => return Outcome::Ended(Exit::BeforeStart),
                    Some(Command::Cleanup | Command::Resize(_)) => {}
                },
            }
        }
    };
    if let Err(why) = prepared {
        return Outcome::Failed(why);
    }
    events.say(ContainerEvent::Prepared);
    let started = match (job.launch.kind, &job.engine) {
        (Kind::Process, _) => process::launch(job).await.map(Running::Process),
        (Kind::Docker, Some(engine)) => engine.launch(job).await.map(Running::Docker),
        (Kind::Docker, None) => Err("This agent has no Docker engine".into()),
    };
    started.map_or_else(|message| Outcome::Failed(message.into()), Outcome::Running)
}

async fn adopt(job: &Job) -> Result<Option<Running>, String> {
    match (job.launch.kind, &job.engine) {
        (Kind::Process, _) => Ok(process::adopt(job).await?.map(Running::Process)),
        (Kind::Docker, Some(engine)) => Ok(engine.adopt(job).await.map(Running::Docker)),
        (Kind::Docker, None) => Err(
            "The agent was started without a Docker engine and cannot take up its container again: start it with \
             --containerizers=docker,mesos and a running engine"
                .into(),
        ),
    }
}

async fn prepare(job: &Job) -> Result<(), NotLaunched> {
    let user = match job.user() {
        Some(name) => sandbox::User::find(name).map_err(|e| e.to_string())?,
        None => None,
    };
    sandbox::create(&job.sandbox, user.as_ref()).map_err(|e| e.to_string())?;
    let place = fetch::Place::new(&job.sandbox, user.as_ref(), &job.meta);
    if let Some(command) = job.launch.command() {
        fetch::fetch(&command.uris, &place, &job.cache)
            .await
            .map_err(|e| format!("Failed to fetch URIs: {e}"))?;
    }
    if job.launch.kind == Kind::Docker {
        let volumes = job.launch.task.container.as_ref();
        for path in volumes.map_or(Ok(Vec::new()), docker::sandbox_paths)? {
            place
                .make_directory(&path)
                .await
                .map_err(|e| format!("Volume {path} cannot be created in the sandbox: {e}"))?;
        }
        if let Some(engine) = &job.engine {
            return engine.prepare_image(job).await;
        }
    }
    Ok(())
}

async fn supervise(
    job: &Job,
    running: &Running,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    events: &Events,
) -> Exit {
    let task = &job.launch.task;
    let host = job.settings.loopback();
    let own = job.launch.executor.is_none();
    let age = job
        .launch
        .started
        .map_or(Duration::ZERO, |started| now().saturating_sub(started));
    let check = task.health_check.clone().filter(|_| own);
    let mut health = check.map(|check| {
        AbortOnDropHandle::new(tokio::spawn(health::watch(
            check,
            running.clone(),
            host,
            events.clone(),
            health::Past {
                age,
                checked: job.launch.checked,
            },
        )))
    });
    let longest = task.max_completion_time.as_ref().filter(|_| own);
    let longest = longest.map(deadline::duration);
    let too_long = async {
        match longest {
            Some(longest) => tokio::time::sleep(longest.saturating_sub(age)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(too_long);
    let mut timed = longest.is_some();
    let mut stopping: Option<Stopping> = None;
    let wait = running.wait();
    tokio::pin!(wait);
    loop {
        tokio::select! {
            exit = &mut wait => return exit,
            () = &mut too_long, if timed => {
                timed = false;
                events.say(ContainerEvent::TooLong);
            }
            Some(command) = commands.recv() => match command {
                Command::Kill(by) => {
                    // As in Mesos, a task that is being ended is not checked any more.
                    drop(health.take());
                    stopping = Some(Stopping::by(by, own, running, stopping));
                }
                Command::Cleanup => stopping = Some(Stopping::by(Instant::now(), own, running, stopping)),
                Command::Resize(limits) => running.resize(job, limits),
            },
        }
    }
}

/// Removes what is left. What cannot be removed is removed by the next start of the agent.
async fn clean(job: &Job, left: Option<Running>) {
    match left {
        Some(Running::Process(process)) => process.forget(),
        Some(Running::Docker(container)) => container.remove().await,
        None => {
            if let (Kind::Docker, Some(engine)) = (job.launch.kind, &job.engine) {
                engine.container(job).remove().await;
            }
        }
    }
    if job.launch.kind == Kind::Process {
        job.settings.owners.release(&job.launch.container);
    }
    fetch::forget(&job.meta);
    let records = process::records(job);
    if records.exists()
        && let Err(e) = std::fs::remove_dir_all(&records)
    {
        tracing::warn!(path = %records.display(), "failed to remove process records: {e}");
    }
    crate::checkpoint::remove_empty_up_to(&job.meta, &job.settings.paths.meta(&job.agent_id));
}
