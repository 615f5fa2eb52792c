//! Docker containers through the engine's API.

mod container;
mod image;
mod logs;
mod parameters;
mod spec;
mod volumes;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptions, RemoveContainerOptions, StartContainerOptions,
    StatsOptions,
};

use futures::StreamExt;

use super::Job;
use crate::owners::Owner;
use crate::state::NotLaunched;
pub(super) use container::Container;
pub(super) use volumes::sandbox_paths;

/// Labels: work directory and address of the agent that owns a container. Several agents may share an engine.
const WORK_DIR: &str = "io.mesolith.work-dir";
const ENDPOINT: &str = "io.mesolith.endpoint";
/// How labels begin that the agent alone sets.
const OWN_LABELS: &str = "io.mesolith.";
/// Limit of calls that answer at once; streams have none.
const CALL_TIMEOUT_SECONDS: u64 = 120;
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an engine cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "there is no Docker engine at {socket}: install and start Docker, or leave docker out of --containerizers"
    )]
    NoSocket { socket: PathBuf },
    #[error("the Docker engine at {socket} does not answer: {message}")]
    Silent { socket: PathBuf, message: String },
}

/// How Mesos names containers.
pub(crate) fn name_of(container: &str) -> String {
    format!("mesos-{container}")
}

/// A Docker engine.
#[derive(Clone)]
pub(crate) struct Engine {
    docker: Docker,
    owner: Owner,
}

impl Engine {
    /// Connects and makes sure that an engine answers.
    pub(crate) async fn connect(socket: &Path, owner: &Owner) -> Result<Self, Error> {
        if !socket.exists() {
            return Err(Error::NoSocket {
                socket: socket.to_owned(),
            });
        }
        let silent = |message: String| Error::Silent {
            socket: socket.to_owned(),
            message,
        };
        let path = socket.to_string_lossy();
        let docker = Docker::connect_with_unix(&path, CALL_TIMEOUT_SECONDS, bollard::API_DEFAULT_VERSION)
            .map_err(|e| silent(e.to_string()))?;
        let ping = tokio::time::timeout(PING_TIMEOUT, docker.ping()).await;
        ping.map_err(|_| silent("no answer within 5 s".into()))?
            .map_err(|e| silent(e.to_string()))?;
        Ok(Self {
            docker,
            owner: owner.clone(),
        })
    }

    /// The engine's version.
    pub(crate) async fn version(&self) -> Option<String> {
        self.docker.version().await.ok()?.version
    }

    pub(super) fn container(&self, job: &Job) -> Container {
        Container::new(self.docker.clone(), job)
    }

    /// Pulls the image if need be; it is on this machine afterwards.
    pub(super) async fn prepare_image(&self, job: &Job) -> Result<(), NotLaunched> {
        let docker = job.launch.task.container.as_ref().and_then(|c| c.docker.as_ref());
        let docker = docker.ok_or_else(|| "The container has no docker section".to_owned())?;
        image::prepare(&self.docker, &docker.image, docker.force_pull_image()).await
    }

    pub(super) async fn launch(&self, job: &Job) -> Result<Container, String> {
        let body = spec::body(job, &self.owner)?;
        let name = name_of(&job.launch.container);
        let options = CreateContainerOptions {
            name: Some(name.clone()),
            ..Default::default()
        };
        let created = self.docker.create_container(Some(options), body).await;
        created.map_err(|e| format!("Failed to create container: {}", message(&e)))?;
        if let Err(e) = self
            .docker
            .start_container(&name, None::<StartContainerOptions>)
            .await
        {
            self.remove(&name).await;
            return Err(format!("Failed to start container: {}", message(&e)));
        }
        let container = self.container(job);
        container.attach().await;
        Ok(container)
    }

    /// Takes up a container; `None` when there is none. Waits for the engine as long as it takes: a task is not lost
    /// because its engine restarts together with us.
    pub(super) async fn adopt(&self, job: &Job) -> Option<Container> {
        let container = self.container(job);
        let state = container.inspect_patiently().await?;
        let status = state.state.and_then(|s| s.status);
        if status == Some(bollard::models::ContainerStateStatusEnum::CREATED) {
            // The agent died between creating and starting it.
            let name = name_of(&job.launch.container);
            if let Err(e) = self
                .docker
                .start_container(&name, None::<StartContainerOptions>)
                .await
            {
                tracing::warn!(
                    container = name,
                    "failed to start an adopted container: {}",
                    message(&e)
                );
            }
        }
        container.attach().await;
        Some(container)
    }

    /// Removes containers of an earlier run of this agent that belong to no task; returns how many.
    pub(crate) async fn remove_orphans(&self, known: &HashSet<String>) -> usize {
        let filters = HashMap::from([("label".to_owned(), vec![WORK_DIR.to_owned()])]);
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..Default::default()
        };
        let listed = match self.docker.list_containers(Some(options)).await {
            Ok(listed) => listed,
            Err(e) => {
                tracing::warn!("failed to look for orphaned containers: {}", message(&e));
                return 0;
            }
        };
        let mut removed = 0;
        for container in listed {
            let labels = container.labels.unwrap_or_default();
            let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
            let owner = Owner {
                work_dir: label(WORK_DIR),
                endpoint: label(ENDPOINT),
            };
            if !owner.is_same(&self.owner) {
                continue;
            }
            let names = container.names.unwrap_or_default();
            let Some(name) = names
                .iter()
                .find_map(|n| n.trim_start_matches('/').strip_prefix("mesos-"))
            else {
                continue;
            };
            if !known.contains(name) {
                tracing::info!(container = name, "removing a container that belongs to no task");
                self.remove(&name_of(name)).await;
                removed += 1;
            }
        }
        removed
    }

    /// Processor seconds, anonymous memory and all memory of a container now.
    pub(crate) async fn usage(&self, name: &str) -> Option<(f64, u64, u64)> {
        let options = StatsOptions {
            stream: false,
            one_shot: true,
        };
        let stats = self.docker.stats(name, Some(options)).next().await?.ok()?;
        let cpu = stats
            .cpu_stats
            .and_then(|c| c.cpu_usage)
            .and_then(|u| u.total_usage)
            .unwrap_or(0);
        let memory = stats.memory_stats?;
        let kinds = memory.stats.unwrap_or_default();
        let rss = kinds
            .get("rss")
            .or_else(|| kinds.get("anon"))
            .copied()
            .unwrap_or(0);
        Some((cpu as f64 / 1e9, rss, memory.usage.unwrap_or(0)))
    }

    async fn remove(&self, name: &str) {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        if let Err(e) = self.docker.remove_container(name, Some(options)).await
            && !is_missing(&e)
        {
            tracing::warn!(container = name, "failed to remove: {}", message(&e));
        }
    }
}

/// What the engine said, without the wrapping of the client.
fn message(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }
    )
}
