//! Everything that runs: one driver per container, which takes commands and reports events.

mod docker;
mod drive;
mod environment;
mod fetch;
mod health;
mod limits;
mod process;
mod running;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::owners::Owners;
use crate::paths::Paths;
use crate::state::{ContainerEvent, Input, Launch};

pub(crate) use docker::{Engine, name_of};
pub(crate) use fetch::Cache;
pub(crate) use limits::Limits;

/// What all containers of this agent have in common.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) paths: Paths,
    /// Which agent each container of this machine belongs to.
    pub(crate) owners: Owners,
    /// Where executors find this agent.
    pub(crate) endpoint: String,
    /// The address that published ports are bound to.
    pub(crate) ip: Option<IpAddr>,
    /// The address that a container in the host's network reports.
    pub(crate) advertised: Option<IpAddr>,
    pub(crate) cgroups_root: String,
    pub(crate) cfs: bool,
    pub(crate) switch_user: bool,
    /// Docker containers may have all rights on the machine.
    pub(crate) docker_privileged: bool,
    pub(crate) sandbox_directory: String,
}

impl Settings {
    /// The address that health checks of tasks in the host's network use. Mesos uses 127.0.0.1; an agent with a
    /// loopback address of its own (several on one machine) must not check its neighbours' tasks.
    pub(crate) fn loopback(&self) -> IpAddr {
        self.ip
            .filter(IpAddr::is_loopback)
            .unwrap_or(IpAddr::from([127, 0, 0, 1]))
    }
}

/// How long the removal of ended containers may take: an engine that hangs must not keep the agent from ending.
const FINISH: Duration = Duration::from_secs(30);

/// Process records of a run.
pub(crate) fn records_below(run: &std::path::Path) -> PathBuf {
    run.join("process")
}

/// What a driver is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// End it, by then at the latest.
    Kill(Instant),
    Cleanup,
    Resize(Limits),
}

/// One container to be driven.
pub(crate) struct Job {
    pub(crate) launch: Launch,
    pub(crate) limits: Limits,
    pub(crate) agent_id: String,
    pub(crate) sandbox: PathBuf,
    /// Checkpoints and process records.
    pub(crate) meta: PathBuf,
    pub(crate) settings: Arc<Settings>,
    pub(crate) engine: Option<Engine>,
    pub(crate) cache: Arc<Cache>,
}

impl Job {
    /// The user that it runs as; none is the agent's own.
    fn user(&self) -> Option<&str> {
        let user = self.launch.user();
        (self.settings.switch_user && !user.is_empty()).then_some(user)
    }
}

/// Reports of one container.
#[derive(Clone)]
pub(crate) struct Events {
    container: String,
    sender: mpsc::UnboundedSender<Input>,
}

impl Events {
    pub(crate) fn say(&self, event: ContainerEvent) {
        // The receiver only goes away when the agent ends. The next agent finds out by itself.
        let _ = self.sender.send(Input::Container(self.container.clone(), event));
    }
}

/// The live drivers.
pub(crate) struct Containers {
    settings: Arc<Settings>,
    engine: Option<Engine>,
    cache: Arc<Cache>,
    drivers: HashMap<String, mpsc::UnboundedSender<Command>>,
    sender: mpsc::UnboundedSender<Input>,
}

impl Containers {
    pub(crate) fn new(
        settings: Arc<Settings>,
        engine: Option<Engine>,
        cache: Cache,
        sender: mpsc::UnboundedSender<Input>,
    ) -> Self {
        Self {
            settings,
            engine,
            cache: Arc::new(cache),
            drivers: HashMap::new(),
            sender,
        }
    }

    pub(crate) fn launch(&mut self, launch: Launch, limits: Limits, agent_id: &str) {
        let container = launch.container.clone();
        let (framework, executor) = (launch.framework_id(), launch.executor_id());
        let paths = &self.settings.paths;
        let job = Job {
            limits,
            agent_id: agent_id.to_owned(),
            sandbox: paths.sandbox(agent_id, framework, executor, &container),
            meta: paths.meta_run(agent_id, framework, executor, &container),
            settings: self.settings.clone(),
            engine: self.engine.clone(),
            cache: self.cache.clone(),
            launch,
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        self.drivers.retain(|_, driver| !driver.is_closed());
        self.drivers.insert(container.clone(), commands);
        let events = Events {
            container,
            sender: self.sender.clone(),
        };
        tokio::spawn(drive::drive(job, receiver, events));
    }

    /// Waits until nothing is left of the containers, which have all ended.
    pub(crate) async fn finish(&self) {
        let all = async {
            for driver in self.drivers.values() {
                driver.closed().await;
            }
        };
        if tokio::time::timeout(FINISH, all).await.is_err() {
            tracing::warn!("containers that ended could not be removed in time");
        }
    }

    pub(crate) fn tell(&self, container: &str, command: Command) {
        if let Some(driver) = self.drivers.get(container) {
            // A driver that ended has nothing left to kill or clean.
            let _ = driver.send(command);
        }
    }
}
