//! Starting a component: check, write its files, launch.

use std::io;
use std::time::Duration;

use mesolith_process::{CgroupSpec, Error, Spec, durable, launch};
use mesolith_proto::node::v1::Phase;

use super::{AFTER_ERROR, Supervisor};
use crate::component::Component;
use crate::kinds::{self, Machine, Recipe};
use crate::problem::{Problem, chain};
use crate::{copy, crash, logs, precondition};

/// Pause between two looks at what a start waits for.
const RECHECK: Duration = Duration::from_secs(2);

impl Supervisor {
    pub(super) async fn start(&mut self, component: &Component) -> Duration {
        let needs = kinds::needs(component);
        let tools = &self.node.tools;
        if let Some(problem) = precondition::unmet(&needs, &self.home, self.node.layout.root(), tools).await {
            // Other problems may be solved without the operator; this one needs a decision.
            let phase = if problem.reason == "ZooKeeperIdMismatch" {
                Phase::Failed
            } else {
                Phase::Pending
            };
            self.show(phase, Some(problem));
            return RECHECK;
        }
        // Looked up at every start: Java may have been installed or replaced since.
        let java = precondition::java(tools.path.as_deref()).unwrap_or_else(|_| "java".into());
        let machine = Machine {
            java,
            ..self.node.machine.clone()
        };
        let recipe = kinds::recipe(component, &self.home, &machine);
        if let Err(error) = write(&recipe) {
            let message = format!(
                "failed to write its configuration below {}: {error}",
                self.home.root().display()
            );
            self.show(
                Phase::Pending,
                Some(Problem::new("ConfigurationNotWritten", message)),
            );
            return AFTER_ERROR;
        }
        if let Err(problem) = self.tell(component) {
            self.show(Phase::Pending, Some(problem));
            return AFTER_ERROR;
        }
        // From now on its data changes, and a copy of what it was is of no use.
        if let Err(error) = copy::forget(&self.node.layout, &self.home) {
            tracing::warn!(%error, component = %self.view.state.id, "failed to delete the copy of its data");
        }
        crash::point("files-written");
        self.history.remember(component, &self.home.history());
        let _ = logs::rotate(&self.home.log());
        let launched = launch(&self.spec(component, &component.config_digest(), recipe)).await;
        crash::point("launched");
        match launched {
            Ok(process) => {
                self.node.metrics.starts.get_or_create(&self.labels).inc();
                let id = &self.view.state.id;
                tracing::info!(cluster = %self.cluster.name, component = %id, pid = process.pid(), "started");
                self.process = Some(process);
                self.show(Phase::Starting, None);
                Duration::from_millis(200)
            }
            // An earlier run of this agent is just launching it.
            Err(Error::AlreadyRunning { .. }) => {
                let _ = self.find_process().await;
                Duration::from_millis(200)
            }
            Err(error) => {
                self.history.failed(chain(&error), &self.home.history());
                self.show(Phase::BackOff, Some(Problem::new(error.reason(), chain(&error))));
                Duration::from_secs(1)
            }
        }
    }

    /// The digest becomes part of the process' name.
    pub(super) fn spec(&self, component: &Component, digest: &str, recipe: Recipe) -> Spec {
        let cgroup = CgroupSpec {
            // With the node's name, because several nodes may share a machine (and its cgroups) in a trial.
            path: format!(
                "/mesolith/{}/{}/{}",
                self.cluster.uid, self.node.name, component.id
            ),
            cpu_shares: component.cpus.map(|cpus| (cpus * 1024.0) as u64),
            cpu_quota: component.cpus,
            memory_bytes: component.memory_bytes,
        };
        Spec {
            id: format!("{}@{digest}", component.id),
            argv: recipe.argv,
            env: recipe.env,
            cwd: self.home.root().to_owned(),
            stdout: Some(self.home.log()),
            stderr: Some(self.home.log()),
            dir: self.home.run(),
            cgroup: Some(cgroup),
            ..Spec::default()
        }
    }
}

fn write(recipe: &Recipe) -> io::Result<()> {
    for directory in &recipe.directories {
        std::fs::create_dir_all(directory)?;
    }
    recipe
        .files
        .iter()
        .try_for_each(|(path, text)| durable::write(path, text.as_bytes()))
}
