//! One container: waits for its end, ends it, runs commands in it, removes it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptions, RemoveContainerOptions, WaitContainerOptions,
};
use futures::StreamExt;
use mesolith_proto::mesos::v1::CommandInfo;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::super::{Job, Limits, environment};
use super::{is_missing, logs, message, name_of};
use crate::state::Exit;

/// Pause between tries to reach an engine that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest pause between tries to remove a container.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The engine may take this long to hand out the last lines of an ended container.
const DRAIN: Duration = Duration::from_secs(10);

/// A container that was created.
#[derive(Clone)]
pub(in crate::containers) struct Container {
    docker: Docker,
    name: String,
    sandbox: PathBuf,
    limits: Limits,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    pid: Option<u32>,
    address: Option<IpAddr>,
    stop_signal: Option<String>,
    logs: Option<AbortOnDropHandle<()>>,
}

impl Container {
    pub(super) fn new(docker: Docker, job: &Job) -> Self {
        Self {
            docker,
            name: name_of(&job.launch.container),
            sandbox: job.sandbox.clone(),
            limits: job.limits,
            seen: Arc::default(),
        }
    }

    pub(in crate::containers) fn pid(&self) -> Option<u32> {
        self.seen().pid
    }

    pub(in crate::containers) fn address(&self) -> Option<IpAddr> {
        self.seen().address
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Learns the container's pid and address, and starts to collect its output.
    pub(super) async fn attach(&self) {
        let inspected = self.inspect_patiently().await;
        let follow = {
            let (docker, name, sandbox) = (self.docker.clone(), self.name.clone(), self.sandbox.clone());
            tokio::spawn(async move {
                if let Err(e) = logs::follow(docker, name.clone(), sandbox).await {
                    tracing::warn!(container = name, "its output is incomplete: {e}");
                }
            })
        };
        let mut seen = self.seen();
        if let Some(found) = inspected {
            seen.pid = found
                .state
                .and_then(|s| s.pid)
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|p| *p > 0);
            let networks = found
                .network_settings
                .and_then(|n| n.networks)
                .unwrap_or_default();
            seen.address = networks.into_values().find_map(|n| n.ip_address?.parse().ok());
            seen.stop_signal = found.config.and_then(|c| c.stop_signal);
        }
        seen.logs = Some(AbortOnDropHandle::new(follow));
    }

    /// What the engine knows of it, `None` when there is no such container. Waits for an engine that does not answer.
    pub(super) async fn inspect_patiently(&self) -> Option<ContainerInspectResponse> {
        let mut told = false;
        loop {
            match self
                .docker
                .inspect_container(&self.name, None::<InspectContainerOptions>)
                .await
            {
                Ok(found) => return Some(found),
                Err(e) if is_missing(&e) => return None,
                Err(e) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(
                            container = self.name,
                            "waiting for the Docker engine: {}",
                            message(&e)
                        );
                    }
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }

    pub(in crate::containers) async fn wait(&self) -> Exit {
        let exit = loop {
            let mut ended = self
                .docker
                .wait_container(&self.name, None::<WaitContainerOptions>);
            let answer = ended.next().await;
            let broken = match answer {
                Some(Ok(_) | Err(EngineError::DockerContainerWaitError { .. })) | None => false,
                Some(Err(e)) => !is_missing(&e),
            };
            let Some(found) = self.inspect_patiently().await else {
                break Exit::Unknown("The container was removed from outside".into());
            };
            let state = found.state.unwrap_or_default();
            if state.running != Some(true) && state.restarting != Some(true) {
                break self.exit_of(&state);
            }
            if broken {
                tokio::time::sleep(PATIENCE).await;
            }
        };
        let logs = self.seen().logs.take();
        if let Some(logs) = logs
            && tokio::time::timeout(DRAIN, logs).await.is_err()
        {
            tracing::warn!(
                container = self.name,
                "its last output did not arrive within 10 s"
            );
        }
        exit
    }

    fn exit_of(&self, state: &bollard::models::ContainerState) -> Exit {
        let code = state.exit_code.unwrap_or(-1);
        if state.oom_killed == Some(true) && code != 0 {
            return Exit::OutOfMemory {
                limit_bytes: self.limits.memory_hard().unwrap_or_default(),
            };
        }
        Exit::Code(i32::try_from(code).unwrap_or(-1))
    }

    /// Sends the image's stop signal, if `ask`, and SIGKILL at `by`.
    pub(in crate::containers) async fn stop(&self, by: Instant, ask: bool) -> Result<(), String> {
        if ask && by > Instant::now() {
            let signal = self.seen().stop_signal.clone().filter(|s| !s.is_empty());
            self.signal(&signal.unwrap_or_else(|| "SIGTERM".into())).await?;
        }
        tokio::time::sleep_until(by).await;
        self.signal("SIGKILL").await
    }

    async fn signal(&self, signal: &str) -> Result<(), String> {
        let options = KillContainerOptions {
            signal: signal.to_owned(),
        };
        match self.docker.kill_container(&self.name, Some(options)).await {
            // 409: it does not run any more.
            Ok(())
            | Err(EngineError::DockerResponseServerError {
                status_code: 404 | 409,
                ..
            }) => Ok(()),
            Err(e) => Err(message(&e)),
        }
    }

    /// Runs a command inside; its exit status.
    pub(in crate::containers) async fn exec(&self, command: &CommandInfo) -> Result<i32, String> {
        let value = command.value.clone().unwrap_or_default();
        let cmd = if command.shell() {
            vec!["/bin/sh".to_owned(), "-c".to_owned(), value]
        } else {
            std::iter::once(value)
                .chain(command.arguments.iter().skip(1).cloned())
                .collect()
        };
        let options = CreateExecOptions {
            cmd: Some(cmd),
            env: Some(
                environment::own(command.environment.as_ref())
                    .map(|(k, v)| format!("{k}={v}"))
                    .collect(),
            ),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self
            .docker
            .create_exec(&self.name, options)
            .await
            .map_err(|e| message(&e))?;
        let started = self
            .docker
            .start_exec(&exec.id, None)
            .await
            .map_err(|e| message(&e))?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                chunk.map_err(|e| message(&e))?;
            }
        }
        let ended = self
            .docker
            .inspect_exec(&exec.id)
            .await
            .map_err(|e| message(&e))?;
        Ok(ended
            .exit_code
            .and_then(|code| i32::try_from(code).ok())
            .unwrap_or(-1))
    }

    /// Removes it, however long that takes: a launch that failed because the engine went away may have started it, and
    /// it must not run on beside its replacement.
    pub(in crate::containers) async fn remove(&self) {
        let mut pause = PATIENCE;
        loop {
            let options = RemoveContainerOptions {
                force: true,
                v: true,
                ..Default::default()
            };
            match self.docker.remove_container(&self.name, Some(options)).await {
                Ok(()) => return,
                Err(e) if is_missing(&e) => return,
                Err(e) => tracing::warn!(
                    container = self.name,
                    "failed to remove, trying again: {}",
                    message(&e)
                ),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
