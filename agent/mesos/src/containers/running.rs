//! A container of either kind that runs, and its end.

use std::net::IpAddr;
use std::time::Duration;

use mesolith_proto::mesos::v1::{CommandInfo, ContainerId, ContainerStatus, NetworkInfo, network_info};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Job, Limits, docker, process};
use crate::state::Exit;

/// Pause after a failed try to end a container.
const RETRY: Duration = Duration::from_secs(1);

/// A container that runs, or has run.
#[derive(Clone)]
pub(super) enum Running {
    Process(process::Process),
    Docker(docker::Container),
}

impl Running {
    pub(super) fn status(&self, job: &Job) -> ContainerStatus {
        let address = self.address().or(job.settings.advertised);
        let ip = address.map(|ip| network_info::IpAddress {
            protocol: Some(match ip {
                IpAddr::V4(_) => network_info::Protocol::IPv4 as i32,
                IpAddr::V6(_) => network_info::Protocol::IPv6 as i32,
            }),
            ip_address: Some(ip.to_string()),
        });
        let network = NetworkInfo {
            ip_addresses: ip.into_iter().collect(),
            ..NetworkInfo::default()
        };
        ContainerStatus {
            container_id: Some(ContainerId {
                value: job.launch.container.clone(),
                ..ContainerId::default()
            }),
            network_infos: vec![network],
            executor_pid: match self {
                Self::Process(process) => process.pid(),
                Self::Docker(container) => container.pid(),
            },
            ..ContainerStatus::default()
        }
    }

    /// Where the container serves, unless it shares the host's network.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Process(_) => None,
            Self::Docker(container) => container.address(),
        }
    }

    /// Runs a command inside; its exit status.
    pub(super) async fn exec(&self, command: &CommandInfo) -> Result<i32, String> {
        match self {
            Self::Process(process) => process.exec(command).await,
            Self::Docker(container) => container.exec(command).await,
        }
    }

    pub(super) async fn wait(&self) -> Exit {
        match self {
            Self::Process(process) => process.wait().await,
            Self::Docker(container) => container.wait().await,
        }
    }

    /// Asks it to end, once, and kills what is left at `by`. That a process was asked is on record; for a Docker
    /// container `first` says it.
    async fn stop(&self, by: Instant, signal: bool, first: bool) -> Result<(), String> {
        match self {
            Self::Process(process) => process.stop(by, signal).await,
            Self::Docker(container) => container.stop(by, signal && first).await,
        }
    }

    pub(super) fn resize(&self, job: &Job, limits: Limits) {
        match self {
            Self::Process(process) => process.resize(job, limits),
            Self::Docker(_) => {} // Executors, which grow with their tasks, are processes.
        }
    }
}

/// A stop under way; dropping this value gives it up.
pub(super) struct Stopping {
    by: Instant,
    _task: AbortOnDropHandle<()>,
}

impl Stopping {
    /// Goes on with the earlier of the two deadlines. Without `signal` the container was asked in another way.
    pub(super) fn by(by: Instant, signal: bool, running: &Running, before: Option<Self>) -> Self {
        let first = before.is_none();
        match before {
            Some(before) if before.by <= by => before,
            Some(_) | None => {
                let running = running.clone();
                let stop = tokio::spawn(async move {
                    while let Err(e) = running.stop(by, signal, first).await {
                        tracing::warn!("failed to stop a container, trying again: {e}");
                        tokio::time::sleep(RETRY).await;
                    }
                });
                Self {
                    by,
                    _task: AbortOnDropHandle::new(stop),
                }
            }
        }
    }
}
