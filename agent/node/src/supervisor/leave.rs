//! Removes a Mesos agent: what it started ends before it does.
//!
//! ```text
//! runs ──SIGUSR1──► ends its tasks, tells the master, exits
//!                      │ takes longer than the longest grace and a margin: SIGKILL ─┐
//! does not run ──`--leave`──► the same for it, again until nothing is left ◄────────┘
//! ```
//!
//! The agent writes to a file how far it is, and that it has left, so a supervisor that starts over goes on from there.

use std::time::{Duration, Instant};

use mesolith_process::{Exit, Handle, launch};
use mesolith_proto::departure::Departure;
use mesolith_proto::node::v1::Phase;
use nix::sys::signal::Signal;

use super::history::now;
use super::{AFTER_ERROR, Order, Supervisor, digest_of};
use crate::component::Component;
use crate::problem::{Problem, chain};
use crate::{kinds, logs};

/// Stands in the process' name for the digest of a configuration.
const LEAVES: &str = "leave";
/// Time beyond the longest grace: for SIGKILL, the engine, the last updates and the master's answer.
const MARGIN: Duration = Duration::from_secs(45);
/// Pause between two looks at how far the agent is.
const LOOK: Duration = Duration::from_millis(500);

/// What the supervisor of a leaving agent remembers; all of it can be lost.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// The pid of the process that was told to leave, and when it was told.
    told: Option<(u32, Instant)>,
    /// Why the last try failed, and when.
    failed: Option<(Problem, Instant)>,
}

impl Supervisor {
    /// The agent whose tasks have to end before it goes; none for a component that is wanted, for one that starts
    /// nothing, and for an agent that has left.
    pub(super) fn leaver(&self, order: &Order) -> Option<Component> {
        if order.component.is_some() || self.departure().is_some_and(|told| told.left) {
            return None;
        }
        let agent = self.history.wanted.as_ref()?;
        kinds::departure(agent, &self.home, &self.node.machine)?;
        Some(agent.clone())
    }

    pub(super) async fn leave(&mut self, agent: &Component) -> Duration {
        match self.process.clone() {
            Some(process) => self.watch_departure(&process).await,
            None => self.start_departure(agent).await,
        }
    }

    async fn watch_departure(&mut self, process: &Handle) -> Duration {
        let since = match self.leaving.told {
            Some((pid, since)) if pid == process.pid() => since,
            _ => {
                if digest_of(process) != LEAVES
                    && let Err(error) = process.signal(Signal::SIGUSR1)
                {
                    self.show(Phase::Stopping, Some(Problem::new(error.reason(), chain(&error))));
                    return AFTER_ERROR;
                }
                let since = Instant::now();
                self.leaving.told = Some((process.pid(), since));
                since
            }
        };
        let ends_by = self.departure().map_or(0, |departure| departure.ends_by);
        let over = now().saturating_sub(ends_by) > i64::try_from(MARGIN.as_secs()).unwrap_or(i64::MAX);
        if over && since.elapsed() > MARGIN {
            tracing::warn!(
                cluster = %self.cluster.name, component = %self.view.state.id,
                "does not leave although every grace is over: killed; what it started is ended without it"
            );
            if let Err(error) = process.kill().await {
                self.show(Phase::Stopping, Some(Problem::new(error.reason(), chain(&error))));
                return AFTER_ERROR;
            }
            return Duration::ZERO;
        }
        self.show_departure();
        LOOK
    }

    /// For an agent that does not run: it crashed, it never could start, or it was killed because it did not leave.
    async fn start_departure(&mut self, agent: &Component) -> Duration {
        let Some(recipe) = kinds::departure(agent, &self.home, &self.node.machine) else {
            return AFTER_ERROR;
        };
        if let Some((_, at)) = &self.leaving.failed
            && let Some(left) = AFTER_ERROR.checked_sub(at.elapsed())
        {
            self.show_departure();
            return left;
        }
        let _ = logs::rotate(&self.home.log());
        match launch(&self.spec(agent, LEAVES, recipe)).await {
            Ok(process) => {
                tracing::info!(
                    cluster = %self.cluster.name, component = %agent.id, pid = process.pid(),
                    "started to end what it had started"
                );
                self.process = Some(process);
                self.show_departure();
                LOOK
            }
            // An earlier run of this node agent is just launching it.
            Err(mesolith_process::Error::AlreadyRunning { .. }) => {
                let _ = self.find_process().await;
                LOOK
            }
            Err(error) => {
                self.show(Phase::Stopping, Some(Problem::new(error.reason(), chain(&error))));
                AFTER_ERROR
            }
        }
    }

    /// Notes the end of a component that is not wanted.
    pub(super) fn note_departure(&mut self, exit: &Exit) {
        tracing::info!(cluster = %self.cluster.name, component = %self.view.state.id, %exit, "ended on its way out");
        let tail = logs::last_lines(&self.home.log(), 2);
        self.leaving.failed = (!exit.success()).then(|| {
            let message = format!("its tasks could not be ended: {exit}; last lines of its log:\n{tail}");
            (Problem::new("DepartureFailed", message), Instant::now())
        });
    }

    fn show_departure(&mut self) {
        let told = self.departure();
        let left = told.as_ref().map(|told| told.tasks);
        let no_docker = told.and_then(|told| told.no_docker);
        let problem = match (no_docker, &self.leaving.failed, left) {
            (Some(why), _, _) => Problem::new("DockerUnavailable", why),
            (None, Some((failed, _)), _) => failed.clone(),
            (None, None, None) => Problem::new("StoppingTasks", "its tasks are being stopped"),
            (None, None, Some(0)) => Problem::new("StoppingTasks", "its tasks have ended"),
            (None, None, Some(1)) => Problem::new("StoppingTasks", "1 task is being stopped"),
            (None, None, Some(n)) => Problem::new("StoppingTasks", format!("{n} tasks are being stopped")),
        };
        self.view.state.tasks_left = left.unwrap_or(0);
        self.show(Phase::Stopping, Some(problem));
    }

    fn departure(&self) -> Option<Departure> {
        Departure::read(&self.home.work())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::component;
    use crate::component::{Agent, ClusterRef, Kind};
    use crate::kinds::fixtures::machine;
    use crate::layout::Layout;
    use crate::node::Node;
    use crate::precondition::Tools;
    use crate::probe;
    use tokio::sync::watch;

    fn node(root: &std::path::Path) -> Node {
        Node {
            name: "n1".into(),
            layout: Layout::new(root.into()),
            machine: machine(),
            tools: Tools {
                path: None,
                zookeeper_classpath: String::new(),
                docker_host: String::new(),
            },
            board: Default::default(),
            metrics: Default::default(),
            http: probe::client(),
            shutdown: Default::default(),
        }
    }

    /// It was started by a version that did not note how it was wanted, and is removed before the first look at it.
    #[test]
    fn an_agent_of_an_earlier_version_leaves_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let agent = component(
            "agent",
            Kind::Agent(Agent {
                bind_address: "127.0.0.12".into(),
                port: 5051,
                hostname: "w1".into(),
                zookeeper: "zk://127.0.0.11:2181/mesos".into(),
                containerizers: vec![],
                resources: String::new(),
                attributes: [].into(),
                flags: [].into(),
            }),
        );
        let cluster = ClusterRef {
            uid: "u-1".into(),
            name: "default/prod".into(),
        };
        let order = |component| Order {
            generation: 1,
            component,
            archive: true,
        };
        let node = std::sync::Arc::new(node(dir.path()));
        let supervisor = |wanted: Option<Component>| {
            let (_, orders) = watch::channel(order(wanted));
            Supervisor::new(node.clone(), cluster.clone(), "agent", orders)
        };
        assert_eq!(supervisor(None).leaver(&order(None)), None, "nothing was started");
        std::fs::create_dir_all(node.layout.component("u-1", "agent").root()).unwrap();
        let adopted = supervisor(Some(agent.clone()));
        assert_eq!(adopted.leaver(&order(Some(agent.clone()))), None, "it is wanted");
        assert_eq!(adopted.leaver(&order(None)), Some(agent.clone()));
        assert_eq!(
            supervisor(None).leaver(&order(None)),
            Some(agent),
            "after a restart"
        );
    }
}
